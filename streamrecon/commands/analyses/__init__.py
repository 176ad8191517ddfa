"""Analyses of `streamrecon analyze`, each with `add` and `run`, loaded when it is named."""
