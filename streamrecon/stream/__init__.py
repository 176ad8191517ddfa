"""What a gadget is, how gadgets make a chain, and how chain files are read."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
