"""Where the tests find the real scans that are too large to lie in the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_SHARED = Path(os.environ.get("STREAMRECON_SHARED", _ROOT.parent / "shared" / "data"))


def pytest_report_header() -> str:
    """Say at the top of a run whether the tests marked ``shared`` can run."""
    return f"real scans: {_SHARED if _SHARED.is_dir() else 'absent, tests marked shared will skip'}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real scans: ``STREAMRECON_SHARED``, else ``../shared/data``; skips without it.

    A test that uses it is also marked ``shared``, so that ``-m "not shared"`` leaves it out.
    """
    if not _SHARED.is_dir():
        pytest.skip("no real scans: neither STREAMRECON_SHARED nor ../shared/data is a folder")
    return _SHARED
