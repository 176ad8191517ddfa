"""The field of sources outside the mask, taken off the total field: PDF, SHARP, LBV."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
