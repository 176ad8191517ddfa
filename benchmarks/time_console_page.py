"""Times the console page with a thousand past scans on record, in Chromium.

    python benchmarks/time_console_page.py

Seconds from the click to what stands on the page, the median of a few visits: the first rows, and
all thousand. A second figure is the processor's, of the page's process.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("", "server", "web")]
from browser import Tab, chromium  # noqa: E402
from kept_scan import keep_many  # noqa: E402
from web_service import Page, page  # noqa: E402

COUNT, FIRST = 1000, 100
VISITS = 7
ROWS = "document.querySelectorAll('#scans tr').length"


def main() -> int:
    """Keep a thousand scans, visit, leaf, and visit again."""
    with tempfile.TemporaryDirectory() as name:
        storage = Path(name) / "storage"
        keep_many(storage, COUNT)
        with page(storage) as watched, chromium(Path(name) / "profile") as tab:
            tab.go(f"{watched.url}/#token={watched.token}")
            tab.wait(f"{ROWS} === {FIRST}")
            first = [_seconds(lambda: _visit(tab, watched)) for _ in range(VISITS)]
            server = _of_page(watched)
            before = server.cpu_times()
            leafed = [_leaf(tab, watched) for _ in range(VISITS)]
            after = server.cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / VISITS
    each = [second for visit in leafed for second in visit]
    print(f"| of {COUNT} past scans | median | longest |\n|---|---|---|")
    for what, seconds in (
        (f"the page with the first {FIRST}", first),
        (f"{FIRST} more", each),
        ("all, from the first click on", [sum(visit) for visit in leafed]),
    ):
        print(f"| {what} | {statistics.median(seconds):.2f} s | {max(seconds):.2f} s |")
    print(f"the page's process: {cpu:.2f} s of CPU for a visit to all of them")
    return 0


def _visit(tab: Tab, watched: Page) -> None:
    tab.go("about:blank")
    tab.go(watched.url)
    tab.wait(f"location.href !== 'about:blank' && {ROWS} === {FIRST}")


def _leaf(tab: Tab, watched: Page) -> list[float]:
    """Seconds of each hundred more."""
    _visit(tab, watched)
    seconds = []
    for count in range(2 * FIRST, COUNT + 1, FIRST):
        tab.click("#older")
        seconds.append(_seconds(partial(tab.wait, f"{ROWS} === {count}")))
    return seconds


def _seconds(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _of_page(watched: Page) -> psutil.Process:
    """The process that listens where the page is."""
    for connection in psutil.net_connections("tcp"):
        if connection.laddr.port == watched.port and connection.status == psutil.CONN_LISTEN:
            return psutil.Process(connection.pid)
    raise LookupError(watched.port)


if __name__ == "__main__":
    sys.exit(main())
