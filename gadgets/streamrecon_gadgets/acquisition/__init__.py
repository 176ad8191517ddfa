"""Gadgets from acquisition lines to complex echoes."""
