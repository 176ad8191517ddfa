"""How much waits in a spool and for how long, read without touching it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamrecon.dicom.delivery.journal import ARRIVED, State

_BUSY_S = 2.0
_SETTLED = "SELECT d.destination, d.settled - i.added, d.settled"


@dataclass(frozen=True, slots=True)
class Depth:
    """Images in one state at one destination."""

    destination: str
    state: State
    images: int
    bytes: int
    oldest: float
    """When the oldest was made [s since 1970]."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image that a destination took."""

    destination: str
    seconds: float
    """From the spool's promise to the destination's."""
    at: float
    """When [s since 1970]."""


def depths(folder: Path) -> list[Depth]:
    """Images by destination and state; none where there is no spool yet.

    Raises
    ------
    sqlite3.Error
        If the journal cannot be read.
    """
    with _journal(folder) as db:
        rows = db and db.execute(
            "SELECT d.destination, d.state, COUNT(*), SUM(i.bytes), MIN(i.added)"
            " FROM deliveries d JOIN images i USING (number) GROUP BY 1, 2"
        )
        return [Depth(name, State(state), *rest) for name, state, *rest in rows or ()]


def silent(folder: Path) -> dict[str, str]:
    """Destinations that did not answer when they were last tried, and what they said."""
    with _journal(folder) as db:
        rows = db and db.execute("SELECT name, reason FROM destinations WHERE attempts > 0")
        return dict(rows or ())


def arrivals(folder: Path, after: float) -> list[Arrival]:
    """Images that arrived after a time, the earliest first; older versions noted no times."""
    arrived = ", ".join(f"'{state.value}'" for state in ARRIVED)
    with _journal(folder) as db:
        rows = db and db.execute(
            f"{_SETTLED} FROM deliveries d JOIN images i USING (number)"
            f" WHERE d.settled > ? AND d.state IN ({arrived}) ORDER BY d.settled",
            (after,),
        )
        return [Arrival(*row) for row in rows or ()]


@contextmanager
def _journal(folder: Path) -> Iterator[sqlite3.Connection | None]:
    """The journal, for reading alone; ``None`` where there is none."""
    path = folder / "journal.sqlite3"
    if not path.exists():
        yield None
        return
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
    try:
        yield db
    finally:
        db.close()
