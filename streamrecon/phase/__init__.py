"""From echoes to the total field: phase offsets, unwrapping, field fit."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
