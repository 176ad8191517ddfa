"""The subcommands, one module each: `add` gives a parser its options and what to run."""
