"""From lines as the wire has them to volumes, and what lines tell while they come."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
