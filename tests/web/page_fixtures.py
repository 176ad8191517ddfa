"""One page for all tests that do not hurt it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web_service import Page, page


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A service with a page and raw copies."""
    storage = tmp_path_factory.mktemp("watched")
    with page(storage, raw_folder=str(storage / "raw"), sessions=3) as found:
        yield found
