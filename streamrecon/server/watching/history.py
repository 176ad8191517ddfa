"""Writes the record of scans in a thread of its own: a sick disk costs records, never a scan."""

from __future__ import annotations

import logging
import os
import platform
import sqlite3
import time
import uuid
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from queue import Full, Queue
from threading import Thread

from streamrecon.dicom.delivery.process_names import has_ended, own_name
from streamrecon.server.settings import Settings
from streamrecon.server.watching.scan_record import ScanRecord
from streamrecon.storage.scan_table import ScanTable

_log = logging.getLogger(__name__)

_MOST_WAITING = 256  # records of a disk that stalls; each is a few kB
_CLOSING_S = 3.0
_PRUNE_S = 3600.0
_SLACK_S = 3600.0  # detached branches, and the clock's corrections

Facts = dict[str, object]


class History:
    """Takes records from the listener, which never waits, and writes them.

    Parameters
    ----------
    settings
        Where the file is, and for how long records are kept. Without a storage there is none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue: Queue[Facts | None] = Queue(_MOST_WAITING)
        self._name = f"{own_name()}-{uuid.uuid4().hex[:8]}"
        self._fault = ""
        self._lost = 0
        self._pruned = float("-inf")
        self._thread: Thread | None = None
        if settings.storage is not None:
            # A disk that hangs must not keep the service from ending.
            self._thread = Thread(target=self._work, args=(settings.storage,), daemon=True)
            self._thread.start()

    def keep(self, scan: ScanRecord) -> None:
        """Record a scan as it is now; at once, or not at all where the disk is far behind."""
        if self._thread is None:
            return
        try:
            self._queue.put_nowait(scan.as_facts(notices=True))
        except Full:
            self._lost += 1
            if self._lost == 1:
                _log.warning("scans are not recorded: the disk does not keep up")

    def close(self) -> None:
        """Write what waits, within seconds."""
        if self._thread is None:
            return
        with suppress(Full):
            self._queue.put_nowait(None)
        self._thread.join(_CLOSING_S)

    def _work(self, storage: Path) -> None:
        table = self._opened(storage)
        while (facts := self._queue.get()) is not None:
            table = table or self._opened(storage)
            if table is not None and not self._written(table, facts):
                table = None
        if table is not None:
            table.close()

    def _opened(self, storage: Path) -> ScanTable | None:
        try:
            table = ScanTable(storage)
            gone = [name for name in table.running_services() if has_ended(Path(name))]
            cut = table.interrupt(gone, older_than_s=self._settings.total_s + _SLACK_S)
        except (OSError, sqlite3.Error) as e:
            self._tell(str(e))
            return None
        if cut:
            _log.warning("%d scans were cut when an earlier service ended", cut)
        return table

    def _written(self, table: ScanTable, facts: Facts) -> bool:
        try:
            table.keep(facts, self._name, _VERSIONS)
            if time.monotonic() - self._pruned > _PRUNE_S:
                self._pruned = time.monotonic()
                table.prune(days=self._settings.history_days, mib=self._settings.history_mib)
        except (OSError, sqlite3.Error) as e:
            self._tell(str(e))
            with suppress(sqlite3.Error):
                table.close()
            return False
        self._tell("")
        return True

    def _tell(self, fault: str) -> None:
        """Log a fault when it comes and when it goes."""
        if fault and not self._fault:
            _log.warning("scans are not recorded: %s", fault)
        elif self._fault and not fault:
            _log.info("scans are recorded again")
        self._fault = fault


def _versions() -> str:
    parts = [f"{name} {version(name)}" for name in ("streamrecon", "numpy", "pyfftw")]
    return ", ".join([*parts, f"Python {platform.python_version()}", f"Linux {os.uname().release}"])


_VERSIONS = _versions()
