"""What was made, as files: NIfTI with BIDS words, a PNG contact sheet, MRD images."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
