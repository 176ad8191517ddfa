"""Keeps in the journal which images an archive was asked to promise, until it has answered."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence

from streamrecon.dicom.delivery.journal import State

_LONGEST_PAUSE_S = 300.0
_ASKED_FOR = """
SELECT c.destination, c.number, i.sop_uid, d.attempts
FROM commitments c JOIN images i USING (number)
JOIN deliveries d ON d.number = c.number AND d.destination = c.destination WHERE c.request = ?
"""
_SETTLE = """
UPDATE deliveries SET state = ?, reason = ?, due = ?, attempts = attempts + 1
WHERE number = ? AND destination = ? AND state IN (?, ?)
"""
_ANSWERED = "DELETE FROM commitments WHERE request = ? AND number = ?"
_UNPROMISED = "the archive does not promise to keep it"


def note_request(
    db: sqlite3.Connection, transaction: str, destination: str, numbers: Sequence[int]
) -> None:
    """Remember a request before it is sent."""
    db.executemany(
        "INSERT OR REPLACE INTO commitments (request, destination, number) VALUES (?, ?, ?)",
        [(transaction, destination, number) for number in numbers],
    )


def take_report(
    db: sqlite3.Connection, transaction: str, kept: Collection[str], lost: Collection[str]
) -> int:
    """Note what a report says; give how many of the images of its request it names.

    An image that is promised is done, also one that was about to be sent again meanwhile. One that
    is not promised is sent again. What the report does not name stays unconfirmed.
    """
    rows = db.execute(_ASKED_FOR, (transaction,)).fetchall()
    named = [row for row in rows if row[2] in kept or row[2] in lost]
    for destination, number, sop_uid, attempts in named:
        if sop_uid in kept:
            origins, state, reason = (State.UNCONFIRMED, State.WAITING), State.SENT, ""
        else:
            origins, state, reason = (State.UNCONFIRMED,) * 2, State.WAITING, _UNPROMISED
        due = time.time() + min(2.0 ** min(attempts, 16), _LONGEST_PAUSE_S)
        states = [origin.value for origin in origins]
        db.execute(_SETTLE, (state.value, reason, due, number, destination, *states))
        db.execute(_ANSWERED, (transaction, number))
    return len(named)


def put_off(
    db: sqlite3.Connection, destination: str, numbers: Sequence[int], due: float, reason: str
) -> None:
    """Ask later for those of some images that are still unconfirmed."""
    db.executemany(
        "UPDATE deliveries SET due = ?, reason = ?, attempts = attempts + 1"
        " WHERE number = ? AND destination = ? AND state = ?",
        [(due, reason, number, destination, State.UNCONFIRMED.value) for number in numbers],
    )
