"""Chain files: parsed, looked up in the registry, built into a chain."""
