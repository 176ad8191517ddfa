"""A journal that is damaged is set aside, so that the batches make a new one."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from streamrecon.storage.durable_files import HeldError, Lock

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_BUSY_S = 30.0
_MOST = 1_000_000
_NO_FAULT = "NULL value in commitments."
"""SQLite 3.40 finds one in each row of a table whose key is not its first columns."""
_log = logging.getLogger(__name__)


def is_damaged(error: BaseException) -> bool:
    """Whether an error says that the file itself is none of SQLite's, or no longer."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    return isinstance(error, sqlite3.DatabaseError) and code & 0xFF in _DAMAGED


def is_locked(error: BaseException) -> bool:
    """Whether an error says only that another process has the file."""
    return ((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF) in _LOCKED


def is_sound(journal: Path) -> bool:
    """Whether SQLite can read all of a journal, and its indices say what its tables say."""
    try:
        with closing(sqlite3.connect(journal, timeout=_BUSY_S)) as db:
            found = db.execute(f"PRAGMA integrity_check({_MOST})").fetchall()
            return all(text == "ok" or text.startswith(_NO_FAULT) for (text,) in found)
    except sqlite3.DatabaseError as error:
        return not is_damaged(error)


def set_aside(journal: Path, is_right: Callable[[Path], bool] = is_sound) -> None:
    """Rename a damaged journal and its log to ``….damaged``; one that ``is_right`` stays.

    What was noted of its images is lost: all are sent again, which for an archive is once. A
    process that still has the old file open notes into that, and its batches are found by their
    folders.
    """
    try:
        lock = Lock(journal.with_name("repair.lock"))
    except HeldError:  # another process is at it
        return
    try:
        if is_right(journal):
            return
        for suffix in ("", "-wal", "-shm"):
            file = journal.with_name(journal.name + suffix)
            if file.exists():
                file.replace(file.with_name(f"{journal.name}.damaged{suffix}"))
        _log.error("spool: the journal was damaged; it is made again, and all images are sent")
    finally:
        lock.release()
