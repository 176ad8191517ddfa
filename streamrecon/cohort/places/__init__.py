"""Where a cohort's scans are and where results go: folders of this machine, or URLs."""

from streamrecon.lazy import listed_in_stub

__getattr__, __dir__, __all__ = listed_in_stub(__name__, __file__)
