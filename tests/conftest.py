"""Where the tests find the real scans, and which skips count as failures where CI is set."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_SHARED = Path(os.environ.get("STREAMRECON_SHARED", _ROOT.parent / "shared" / "data"))


def pytest_report_header() -> str:
    """Say at the top of a run whether the tests marked ``shared`` can run."""
    return f"real scans: {_SHARED if _SHARED.is_dir() else 'absent, tests marked shared will skip'}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI set, fail a test that skips, unless for want of real scans or of a right."""
    report = yield
    excused = item.get_closest_marker("shared") or item.get_closest_marker("privileged")
    if not excused:
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """With CI set, fail a module that skips as a whole."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        *_, reason = report.longrepr if isinstance(report.longrepr, tuple) else (report.longrepr,)
        report.outcome = "failed"
        report.longrepr = f"where CI is set nothing is skipped for want of a tool: {reason}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real scans: ``STREAMRECON_SHARED``, else ``../shared/data``; skips without it.

    A test that uses it is also marked ``shared``, so that ``-m "not shared"`` leaves it out.
    """
    if not _SHARED.is_dir():
        pytest.skip("no real scans: neither STREAMRECON_SHARED nor ../shared/data is a folder")
    return _SHARED
