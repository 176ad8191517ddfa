"""Thin adapters: message → pure function → message, and the registry of their names."""

from streamrecon.stream.registry import GadgetClass, Registry

ALL: tuple[GadgetClass, ...] = ()
"""Every gadget that a chain file may name."""

REGISTRY = Registry(ALL)
