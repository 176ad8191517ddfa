"""Thin adapters: message → pure function → message, and the registry of their names."""
