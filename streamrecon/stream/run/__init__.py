"""A chain at work: gadgets in series and in parallel, joined by bounded queues."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
