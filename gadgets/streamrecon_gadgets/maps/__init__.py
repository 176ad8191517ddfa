"""Gadgets from complex echoes to fields, susceptibility and every other map."""
