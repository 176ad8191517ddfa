"""One service for all tests that do not hurt it."""

from toy_fixtures import toy_chains, toys

__all__ = ["toy_chains", "toys"]
