"""Creates the SQL tables of the journal, and brings those of older versions up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
  number INTEGER PRIMARY KEY AUTOINCREMENT, sop_uid TEXT UNIQUE NOT NULL, sop_class TEXT NOT NULL,
  batch TEXT NOT NULL, file TEXT NOT NULL, bytes INTEGER NOT NULL, series INTEGER NOT NULL,
  output TEXT NOT NULL, priority INTEGER NOT NULL, added REAL NOT NULL,
  sha256 TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS images_of_batch ON images (batch);
CREATE TABLE IF NOT EXISTS deliveries (
  number INTEGER NOT NULL, destination TEXT NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0, status INTEGER,
  reason TEXT NOT NULL DEFAULT '', settled REAL NOT NULL DEFAULT 0,
  PRIMARY KEY (number, destination)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (destination, state, due);
CREATE TABLE IF NOT EXISTS destinations (
  name TEXT PRIMARY KEY, attempts INTEGER NOT NULL, due REAL NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS commitments (
  request TEXT NOT NULL, destination TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (request, number)) WITHOUT ROWID;
"""

_ADDED = (
    ("images", "sha256", "TEXT NOT NULL DEFAULT ''"),
    ("deliveries", "settled", "REAL NOT NULL DEFAULT 0"),
)
"""Columns that older versions lack: table, name, kind."""

_MOVE = """
INSERT OR IGNORE INTO deliveries
  (number, destination, state, attempts, due, status, reason)
SELECT number, destination, state, attempts, due, status, reason FROM fates
"""


def create_tables(db: sqlite3.Connection) -> None:
    """Create what is missing; keep every row of an older version.

    Parameters
    ----------
    db
        A connection without transactions of its own (``isolation_level=None``).
    """
    db.executescript(_SCHEMA)
    for table, column, kind in _ADDED:
        if _lacks(db, table, column):
            _add(db, table, column, kind)
    if _has_fates(db):
        _move_fates(db)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """No other process writes until the block ends; it counts whole or not at all."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _add(db: sqlite3.Connection, table: str, column: str, kind: str) -> None:
    with transaction(db):
        if _lacks(db, table, column):  # else another process was faster
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def _lacks(db: sqlite3.Connection, table: str, column: str) -> bool:
    return column not in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def _move_fates(db: sqlite3.Connection) -> None:
    """Move the rows of ``fates``, as older versions called the table ``deliveries``."""
    with transaction(db):
        if _has_fates(db):  # else another process was faster
            db.execute(_MOVE)
            db.execute("DROP TABLE fates")


def _has_fates(db: sqlite3.Connection) -> bool:
    found = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'fates'")
    return found.fetchone() is not None
