"""What happens to scans, for the log, for those who watch and for the record.

Everything here is done by the listener's one thread and takes microseconds: nothing waits for a
watcher or for a disk.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streamrecon.server.watching.progress import Progress
from streamrecon.server.watching.scan_record import ScanRecord
from streamrecon.server.workers.worker_channel import ScanFacts, Summary

_log = logging.getLogger(__name__)

_REMEMBERED = 8  # ended sessions that a watcher who comes late is told
_LEVELS = {"WRN": logging.WARNING, "INF": logging.INFO, "DBG": logging.DEBUG}
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Totals:
    """Sums over all sessions that have ended since the service began."""

    scans: Counter[str] = field(default_factory=Counter)
    """By outcome."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Clients that got no worker, by code."""
    stage_s: Counter[str] = field(default_factory=Counter)
    """Seconds by kind of gadget."""
    lines: int = 0
    images: int = 0
    received: int = 0
    scan_s: float = 0.0
    most_memory_bytes: int = 0

    def add(self, scan: ScanRecord) -> None:
        """Count a scan that has ended."""
        self.scans[scan.outcome] += 1
        self.lines += scan.lines
        self.images += scan.images
        self.received += scan.received
        self.scan_s += scan.seconds
        self.most_memory_bytes = max(self.most_memory_bytes, scan.memory_bytes)
        for gadget, seconds in zip(scan.gadgets, scan.stage_s, strict=False):
            self.stage_s[gadget] += seconds  # type: ignore[assignment]  # a Counter adds floats too


def _nobody(_scan: ScanRecord, _notice: str) -> None:
    """Nobody watches."""


class ScanEvents:
    """All sessions that run, the last ones that ended, and who wants to know.

    Parameters
    ----------
    tell
        Called with a session's record whenever it changes for good, and the new notice if that is
        what is new; must return at once.
    """

    def __init__(
        self, tell: Callable[[ScanRecord, str], None] = lambda _scan, _notice: None
    ) -> None:
        self.tell = tell
        self.running: dict[str, WatchedScan] = {}
        self.recent: deque[ScanRecord] = deque(maxlen=_REMEMBERED)
        self.totals = Totals()

    def turned_away(self, code: str) -> None:
        """Count a client that got no worker."""
        self.totals.refusals[code] += 1

    def sums(self) -> Totals:
        """Totals with what runs; they never fall."""
        sums = Totals(
            Counter(self.totals.scans),
            Counter(self.totals.refusals),
            Counter(self.totals.stage_s),
            self.totals.lines,
            self.totals.images,
            self.totals.received,
            self.totals.scan_s,
            self.totals.most_memory_bytes,
        )
        for scan in self.running.values():
            sums.lines += scan.record.lines
            sums.images += scan.record.images
            sums.received += scan.record.received
        return sums


class WatchedScan:
    """One session and its record; the listener says what happens to it.

    A session is shown from its header on: queries and clients that say nothing are no scans. One
    that failed before is shown too.
    """

    def __init__(self, session: str, address: str, events: ScanEvents) -> None:
        self.record = ScanRecord(session, address)
        self._events = events
        self._progress: Progress | None = None
        self._pid = 0

    def taken(self, pid: int, progress: Progress) -> None:
        """A worker has the client."""
        self._pid, self._progress = pid, progress
        self._events.running[self.record.session] = self

    def learn(self, facts: ScanFacts) -> None:
        """The header has come."""
        is_first = not self.record.is_known
        self.record.learn(facts)
        if is_first:
            record = self.record
            _log.info(
                "session %s: began, config %s %s, protocol %s, client %s",
                *(record.session, record.config, record.config_hash),
                *(record.protocol or "-", record.address),
            )
        self._events.tell(self.record, "")

    def notice(self, text: str) -> None:
        """The client is sent a text; the worker has logged what ended the scan."""
        level = _LEVELS.get(text[:3])
        if self.record.take_notice(text):
            if level is not None:
                _log.log(level, "session %s: %s", self.record.session, text)
            self._events.tell(self.record, text)

    def refresh(self) -> None:
        """Read what the worker has done so far."""
        if self._progress is None or self.record.ended:
            return
        self.record.refresh(self._progress)
        self.record.memory_bytes = _resident_bytes(self._pid) or self.record.memory_bytes

    def ended(self, summary: Summary, reason: str = "") -> None:
        """It is over; only the first word on it counts."""
        if self.record.ended:
            return
        if self._progress is not None:
            self.record.refresh(self._progress)
        self._events.running.pop(self.record.session, None)
        self.record.end(summary, reason)
        if not self.record.is_known and summary.outcome in {"complete", "lost"}:
            return
        if not self.record.is_known:
            self.record.config = summary.config.rpartition(" ")[0] or "-"
        self._events.totals.add(self.record)
        self._events.recent.append(self.record)
        self._events.tell(self.record, "")

    def refused(self, code: str) -> None:
        """The client got no worker."""
        self._events.turned_away(code)


def _resident_bytes(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    return 0
