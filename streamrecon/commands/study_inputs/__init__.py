"""What subcommands of `streamrecon analyze` are given beside a map."""
