"""Pictures of volumes for a quick look: contact sheets and an HTML page."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
