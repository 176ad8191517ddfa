"""Readings in and out: the maps of a folder that they are made of, and the report they go to."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
