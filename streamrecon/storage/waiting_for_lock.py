"""Opens an SQLite file that others may be making at the same moment."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

_PAUSE_S = 0.02
_OTHERS_AT_WORK = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def waiting_for_lock(work: Callable[[], object], longest_s: float) -> None:
    """Do it again while somebody else has the file locked.

    The time-out of a connection is not enough: SQLite asks nobody to wait where that could be a
    deadlock, as when two connections turn a new file to write-ahead logging.

    Parameters
    ----------
    work
        What may be done several times.
    longest_s
        How long to try.

    Raises
    ------
    sqlite3.OperationalError
        If it is locked all the time, or cannot be done for another reason.
    """
    deadline = time.monotonic() + longest_s
    while True:
        try:
            work()
        except sqlite3.OperationalError as e:
            is_locked = e.sqlite_errorcode & 0xFF in _OTHERS_AT_WORK
            if not is_locked or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(_PAUSE_S)
