"""Studies of many patients: how well lesions are told apart, and how iron goes with the years."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
