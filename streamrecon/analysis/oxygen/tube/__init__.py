"""The fit of one vein as a tube: its image, the tissue around, the noise that is texture."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
