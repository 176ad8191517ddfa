"""One service for all tests that keep nothing in it."""

from service_fixtures import server

__all__ = ["server"]
