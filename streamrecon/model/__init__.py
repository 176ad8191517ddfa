"""What flows through a chain: frozen dataclasses, valid at birth; no I/O, no numerics."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
