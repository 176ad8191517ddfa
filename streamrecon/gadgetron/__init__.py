"""Our chains inside a real Gadgetron: the socket to it, and the conversation on it."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
