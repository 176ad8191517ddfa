"""The record of scans in SQLite: one row a scan, and one for each thing that a person did.

The file holds no patient data and survives crashes; any number of processes may use it at once.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

from streamrecon.storage.waiting_for_lock import waiting_for_lock

NAME = "history.sqlite3"
_BUSY_S = 5.0
_DAY_S = 86400.0
_PRUNED_AT_ONCE = 50  # rows, so that no writer is kept waiting

COLUMNS: dict[str, str] = {
    "session": "TEXT PRIMARY KEY",
    "service": "TEXT NOT NULL DEFAULT ''",
    "began": "REAL NOT NULL DEFAULT 0",
    "ended": "REAL NOT NULL DEFAULT 0",
    "outcome": "TEXT NOT NULL DEFAULT ''",
    "reason": "TEXT NOT NULL DEFAULT ''",
    "config": "TEXT NOT NULL DEFAULT ''",
    "config_hash": "TEXT NOT NULL DEFAULT ''",
    "protocol": "TEXT NOT NULL DEFAULT ''",
    "address": "TEXT NOT NULL DEFAULT ''",
    "lines": "INTEGER NOT NULL DEFAULT 0",
    "images": "INTEGER NOT NULL DEFAULT 0",
    "received": "INTEGER NOT NULL DEFAULT 0",
    "seconds": "REAL NOT NULL DEFAULT 0",
    "memory_bytes": "INTEGER NOT NULL DEFAULT 0",
    "raw_copy": "TEXT NOT NULL DEFAULT ''",
    "image_copy": "TEXT NOT NULL DEFAULT ''",
    "versions": "TEXT NOT NULL DEFAULT ''",
    "details": "TEXT NOT NULL DEFAULT '{}'",
}
"""Column → its kind; ``details`` is JSON: stages, their seconds, notices."""
_DETAILS = ("stages", "gadgets", "stage_s", "at_work", "notices", "notices_lost", "goes_on")
_ACTIONS = """
CREATE TABLE IF NOT EXISTS actions (
  at REAL NOT NULL, user TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL,
  target TEXT NOT NULL)
"""

Row = dict[str, object]


class ScanTable:
    """The file; an object belongs to one thread.

    Parameters
    ----------
    folder
        Where it is; made, for its owner alone, if it is not there.

    Raises
    ------
    OSError, sqlite3.Error
        If it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / NAME
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._db = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        waiting_for_lock(self._begin, _BUSY_S)

    def _begin(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        kinds = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self._db.execute(f"CREATE TABLE IF NOT EXISTS scans ({kinds})")
        self._db.execute("CREATE INDEX IF NOT EXISTS scans_began ON scans (began)")
        self._db.execute(_ACTIONS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def keep(self, facts: Mapping[str, object], service: str, versions: str) -> None:
        """Note a scan, or what has become of it since."""
        row = {name: facts[name] for name in COLUMNS if name in facts}
        details = {name: facts[name] for name in _DETAILS if name in facts}
        row |= {"service": service, "versions": versions, "details": json.dumps(details)}
        places = ", ".join("?" for _ in row)
        self._db.execute(
            f"INSERT OR REPLACE INTO scans ({', '.join(row)}) VALUES ({places})",  # noqa: S608
            tuple(row.values()),
        )

    def interrupt(self, services: Iterable[str], *, older_than_s: float) -> int:
        """Note that scans without an end were cut: those of services that ended, and old ones.

        Parameters
        ----------
        services
            Those of `running_services` that have ended.
        older_than_s
            No scan takes longer; whether a service of another container runs cannot be seen.
        """
        now = time.time()
        return self._db.execute(
            "UPDATE scans SET ended = ?, outcome = 'interrupted',"
            " reason = 'the service ended before the scan did' WHERE ended = 0"
            " AND (began < ? OR service IN (SELECT value FROM json_each(?)))",
            (now, now - older_than_s, json.dumps(list(services))),
        ).rowcount

    def running_services(self) -> list[str]:
        """Services with scans that have no end."""
        rows = self._db.execute("SELECT DISTINCT service FROM scans WHERE ended = 0")
        return [str(row["service"]) for row in rows]

    def latest(
        self, limit: int, *, before: float | None = None, after: float = 0.0
    ) -> Iterator[Row]:
        """Scans, the last one first, that began within the times."""
        rows = self._db.execute(
            "SELECT * FROM scans WHERE began < ? AND began >= ? ORDER BY began DESC LIMIT ?",
            (float("inf") if before is None else before, after, limit),
        )
        yield from map(_row, rows)

    def find(self, session: str) -> Row | None:
        """One scan by the name of its session."""
        row = self._db.execute("SELECT * FROM scans WHERE session = ?", (session,)).fetchone()
        return None if row is None else _row(row)

    def usual_seconds(self, config_hash: str, protocol: str) -> float | None:
        """How long the last scan of that chain and protocol took; ``None`` before the first."""
        row = self._db.execute(
            "SELECT seconds FROM scans WHERE config_hash = ? AND protocol = ?"
            " AND outcome = 'complete' ORDER BY began DESC LIMIT 1",
            (config_hash, protocol),
        ).fetchone()
        return None if row is None else float(row["seconds"])

    def prune(self, *, days: float, mib: float) -> int:
        """Remove scans that are too old, then the oldest until the file is small; how many."""
        horizon = time.time() - days * _DAY_S
        count = self._db.execute("DELETE FROM scans WHERE began < ?", (horizon,)).rowcount
        self._db.execute("DELETE FROM actions WHERE at < ?", (horizon,))
        while self._used_bytes() > mib * (1 << 20):
            oldest = "SELECT session FROM scans ORDER BY began LIMIT ?"
            removed = self._db.execute(
                f"DELETE FROM scans WHERE session IN ({oldest})",  # noqa: S608  (own words)
                (_PRUNED_AT_ONCE,),
            ).rowcount
            count += removed
            if not removed:
                break
        return count

    def _used_bytes(self) -> int:
        """Bytes of the pages that hold something; what was freed is used again."""
        numbers = [
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        ]
        return (numbers[0] - numbers[1]) * numbers[2]

    def note_action(self, user: str, address: str, action: str, target: str) -> None:
        """Note what a person did, on the disk before it is done."""
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "INSERT INTO actions VALUES (?, ?, ?, ?, ?)",
            (time.time(), user, address, action, target),
        )
        self._db.execute("PRAGMA synchronous=NORMAL")

    def actions(self, limit: int) -> list[Row]:
        """What persons did, the last first."""
        rows = self._db.execute("SELECT * FROM actions ORDER BY at DESC LIMIT ?", (limit,))
        return [dict(row) for row in rows]


def _row(found: sqlite3.Row) -> Row:
    row: Row = dict(found)
    row |= json.loads(str(row.pop("details")))
    return row
