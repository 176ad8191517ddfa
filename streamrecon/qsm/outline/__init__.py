"""What an object's own outline tells: the field it makes against air, and where B0 points."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
