"""One page for all tests that do not hurt it."""

from page_fixtures import watched

__all__ = ["watched"]
