"""How subcommands begin and show what they do: options, chains, workers, progress."""
