"""One service for all tests that keep nothing in it."""

from collections.abc import Iterator

import pytest
from wire_service import serving

from streamrecon.client import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with the packaged chain files."""
    with serving(tmp_path_factory.mktemp("storage")) as running:
        yield running
