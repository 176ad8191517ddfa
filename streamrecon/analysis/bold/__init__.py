"""BOLD series beside the veins of a gradient-echo scan: where they are, and what they add."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
