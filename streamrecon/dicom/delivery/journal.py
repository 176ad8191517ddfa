"""Records which image goes where and whether it arrived, in SQLite tables that survive crashes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from streamrecon.dicom.delivery.journal_tables import create_tables, transaction
from streamrecon.storage.waiting_for_lock import waiting_for_lock

_BUSY_S = 30.0  # a batch is inserted in milliseconds; this covers a stalled disk


class State(Enum):
    """What became of an image at a destination."""

    WAITING = "waiting"
    SENT = "sent"
    WARNED = "sent with a warning"
    REFUSED = "refused"  # the destination does not take this kind of object
    FAILED = "failed"
    UNCONFIRMED = "sent, not yet confirmed"  # the archive has yet to promise that it keeps it


_FORGET = (
    "DELETE FROM deliveries WHERE number IN (SELECT number FROM images WHERE batch = ?)",
    "DELETE FROM commitments WHERE number IN (SELECT number FROM images WHERE batch = ?)",
)
ARRIVED = (State.SENT, State.WARNED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One image to be delivered."""

    number: int
    sop_uid: str
    sop_class: str
    batch: str
    file: str
    attempts: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many images of a series are in a state at a destination."""

    series: int
    output: str
    destination: str
    state: State
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One image as its batch lists it."""

    sop_uid: str
    sop_class: str
    file: str
    bytes: int
    sha256: str = ""  # of batches that an older version kept: not known


@dataclass(frozen=True, slots=True)
class Batch:
    """Images that were made, and shall be delivered, together."""

    name: str
    series: int
    output: str
    priority: int
    added: float
    destinations: tuple[str, ...]
    images: tuple[Listed, ...]


class Journal:
    """The tables; an object belongs to one thread, the file to all processes."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        """The connection, for what else is kept in the file."""
        try:
            waiting_for_lock(self._begin, _BUSY_S)
        except BaseException:
            self.db.close()
            raise

    def _begin(self) -> None:
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        create_tables(self.db)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def relax(self) -> None:
        """Let a power cut forget the last notes; a crash of the process does not.

        For the threads that note answers: an image whose answer is forgotten is sent again, which
        is harmless, and a flush for each image would cost more than sending it.
        """
        self.db.execute("PRAGMA synchronous=NORMAL")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process writes until the block ends; it counts whole or not at all."""
        with transaction(self.db):
            yield

    def add(self, batch: Batch) -> None:
        """Note a batch; an image that is known already is to be sent again."""
        for image in batch.images:
            self.db.execute(
                "DELETE FROM deliveries"
                " WHERE number IN (SELECT number FROM images WHERE sop_uid = ?)",
                (image.sop_uid,),
            )
            self.db.execute("DELETE FROM images WHERE sop_uid = ?", (image.sop_uid,))
            cursor = self.db.execute(
                "INSERT INTO images (sop_uid, sop_class, batch, file, bytes, series, output,"
                " priority, added, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    image.sop_uid,
                    image.sop_class,
                    batch.name,
                    image.file,
                    image.bytes,
                    batch.series,
                    batch.output,
                    batch.priority,
                    batch.added,
                    image.sha256,
                ),
            )
            self.db.executemany(
                "INSERT INTO deliveries (number, destination, state) VALUES (?, ?, ?)",
                [(cursor.lastrowid, name, State.WAITING.value) for name in batch.destinations],
            )

    def batch_of(self, sop_uid: str) -> str | None:
        """The batch that an image is noted in; ``None`` where it is not noted."""
        row = self.db.execute("SELECT batch FROM images WHERE sop_uid = ?", (sop_uid,)).fetchone()
        return None if row is None else str(row[0])

    def noted(self, batch: str) -> set[Batch]:
        """Each image of a batch, as a batch of its own; destinations by name."""
        rows = self.db.execute(
            "SELECT i.series, i.output, i.priority, i.added, json_group_array(d.destination),"
            " i.sop_uid, i.sop_class, i.file, i.bytes, i.sha256"
            " FROM images i JOIN deliveries d USING (number) WHERE i.batch = ? GROUP BY i.number",
            (batch,),
        )
        return {
            Batch(batch, series, output, rank, added, _in_order(names), (Listed(*image),))
            for series, output, rank, added, names, *image in rows
        }

    def states(self) -> set[str]:
        """What is noted as a state, by its text."""
        return {str(text) for (text,) in self.db.execute("SELECT DISTINCT state FROM deliveries")}

    def due(
        self,
        destination: str,
        now: float,
        *,
        limit: int,
        chunk: tuple[int, int] = (0, 1),
        state: State = State.WAITING,
    ) -> list[Entry]:
        """Images that wait for ``destination``, the most urgent first.

        ``chunk`` is (which, of how many) senders that work side by side.
        """
        rows = self.db.execute(
            "SELECT i.number, i.sop_uid, i.sop_class, i.batch, i.file, d.attempts,"
            " i.bytes, i.sha256"
            " FROM deliveries d JOIN images i USING (number)"
            " WHERE d.destination = ? AND d.state = ? AND d.due <= ? AND i.number % ? = ?"
            " ORDER BY i.priority, i.number LIMIT ?",
            (destination, state.value, now, chunk[1], chunk[0], limit),
        )
        return [Entry(*row) for row in rows]

    def next_due(self, destination: str) -> float | None:
        """When the next image may be tried or asked for; ``None`` where none waits."""
        (due,) = self.db.execute(
            "SELECT MIN(due) FROM deliveries WHERE destination = ? AND state IN (?, ?)",
            (destination, State.WAITING.value, State.UNCONFIRMED.value),
        ).fetchone()
        return None if due is None else float(due)

    def settle(
        self, number: int, destination: str, state: State, *, status: int | None, reason: str
    ) -> None:
        """Note what became of an image."""
        self.db.execute(
            "UPDATE deliveries SET state = ?, status = ?, reason = ?, settled = ?,"
            " attempts = attempts + 1 WHERE number = ? AND destination = ?",
            (state.value, status, reason, time.time(), number, destination),
        )

    def postpone(
        self, number: int, destination: str, due: float, *, status: int | None, reason: str
    ) -> None:
        """Note that an image is to be tried again."""
        self.db.execute(
            "UPDATE deliveries SET due = ?, status = ?, reason = ?, attempts = attempts + 1"
            " WHERE number = ? AND destination = ?",
            (due, status, reason, number, destination),
        )

    def pause(self, destination: str) -> tuple[int, float]:
        """(attempts in vain, when to try again) of a destination."""
        row = self.db.execute(
            "SELECT attempts, due FROM destinations WHERE name = ?", (destination,)
        ).fetchone()
        return (int(row[0]), float(row[1])) if row else (0, 0.0)

    def set_pause(self, destination: str, attempts: int, due: float, reason: str) -> None:
        """Remember across restarts that a destination does not answer."""
        self.db.execute(
            "INSERT OR REPLACE INTO destinations VALUES (?, ?, ?, ?)",
            (destination, attempts, due, reason),
        )

    def tallies(self) -> list[Tally]:
        """All series, by destination and state."""
        rows = self.db.execute(
            "SELECT i.series, i.output, d.destination, d.state, COUNT(*), MAX(d.reason)"
            " FROM deliveries d JOIN images i USING (number)"
            " GROUP BY 1, 2, 3, 4 ORDER BY MIN(i.priority), 1, 3, 4"
        )
        return [Tally(s, o, d, State(state), n, reason) for s, o, d, state, n, reason in rows]

    def move(
        self,
        origin: Iterable[State],
        state: State,
        *,
        destination: str = "",
        output: str = "",
        series: int | None = None,
    ) -> int:
        """Put images of some states into another by hand; give how many.

        Empty texts and ``None`` stand for all destinations, outputs, series.
        """
        states = [each.value for each in origin]
        cursor = self.db.execute(
            "UPDATE deliveries SET state = ?, due = 0, attempts = 0, reason = 'by hand'"
            " WHERE state IN (SELECT value FROM json_each(?))"
            " AND (? = '' OR destination = ?) AND (? = '' OR number IN"
            " (SELECT number FROM images WHERE output = ?))"
            " AND (? IS NULL OR number IN (SELECT number FROM images WHERE series = ?))",
            (
                state.value,
                json.dumps(states),
                *(destination, destination),
                *(output, output),
                *(series, series),
            ),
        )
        return cursor.rowcount

    def bytes_held(self) -> int:
        """Size of all images."""
        return int(self.db.execute("SELECT COALESCE(SUM(bytes), 0) FROM images").fetchone()[0])

    def batches(self) -> set[str]:
        """Names of all batches."""
        return {str(name) for (name,) in self.db.execute("SELECT DISTINCT batch FROM images")}

    def finished(self) -> list[tuple[str, float, int]]:
        """(name, time added, bytes) of batches that arrived everywhere, oldest first."""
        arrived = [state.value for state in ARRIVED]
        rows = self.db.execute(
            "SELECT batch, MIN(added), SUM(bytes) FROM images GROUP BY batch"
            " HAVING NOT EXISTS (SELECT 1 FROM deliveries d JOIN images j USING (number)"
            " WHERE j.batch = images.batch AND d.state NOT IN (SELECT value FROM json_each(?)))"
            " ORDER BY 2",
            (json.dumps(arrived),),
        )
        return [(str(name), float(added), int(size)) for name, added, size in rows]

    def forget(self, batches: Sequence[str]) -> None:
        """Drop all that is known of some batches."""
        for name in batches:
            for statement in _FORGET:
                self.db.execute(statement, (name,))
            self.db.execute("DELETE FROM images WHERE batch = ?", (name,))


def _in_order(names: str) -> tuple[str, ...]:
    return tuple(sorted(json.loads(names)))
