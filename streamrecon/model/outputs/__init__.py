"""What comes out: the table of quantities, and how each is shown, stored and known again."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
