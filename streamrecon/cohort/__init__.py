"""Many scans of a tree: found, reconstructed one process each, named as BIDS derivatives."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
