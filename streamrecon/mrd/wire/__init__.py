"""Messages of the MRD protocol as bytes and back; no sockets."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
