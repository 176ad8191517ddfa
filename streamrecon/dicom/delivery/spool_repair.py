"""Opens a spool's journal, and brings it in line with the batches that are on the disk."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

from streamrecon.dicom.delivery.journal import Batch, Journal, Listed
from streamrecon.dicom.delivery.journal_repair import is_damaged, set_aside
from streamrecon.dicom.delivery.process_names import has_ended

JOURNAL = "journal.sqlite3"
BATCH_LIST = "batch.json"
WAITING = "waiting"

_log = logging.getLogger(__name__)


def open_journal(folder: Path) -> Journal:
    """The journal of a spool; a damaged one is made again from the batches."""
    try:
        return _opened(folder)
    except sqlite3.DatabaseError as error:
        return renewed(folder, error)


def renewed(folder: Path, error: sqlite3.DatabaseError) -> Journal:
    """The journal after an error that says that it is damaged; any other is raised again."""
    if not is_damaged(error):
        raise error
    set_aside(folder / JOURNAL)
    return _opened(folder)


def _opened(folder: Path) -> Journal:
    journal = Journal(folder / JOURNAL)
    try:
        _recover(folder, journal)
    except BaseException:
        journal.close()
        raise
    return journal


def _recover(folder: Path, journal: Journal) -> None:
    """Take in batches that the journal does not know, drop what is half written."""
    with journal.alone():
        known = journal.batches()
        there = {path.name for path in (folder / "batches").iterdir()}
        for name in sorted(there - known):
            batch = _listed(folder, name)
            if batch is not None:
                images = tuple(i for i in batch.images if not journal.knows(i.sop_uid))
                journal.add(replace(batch, images=images))
        journal.forget(sorted(known - there))
    for path in (folder / "incoming").iterdir():
        if has_ended(path):
            shutil.rmtree(path, ignore_errors=True)
    for path in (folder / WAITING).iterdir():
        if has_ended(path):
            path.unlink(missing_ok=True)


def _listed(folder: Path, name: str) -> Batch | None:
    """A batch by its own list; one without a list that can be read is moved away, and told."""
    try:
        return _read_batch(folder / "batches" / name)
    except (OSError, ValueError, TypeError, LookupError) as e:
        _log.error("spool: a batch has no list that can be read, and is in damaged/%s: %s", name, e)
    (folder / "damaged").mkdir(mode=0o700, exist_ok=True)
    (folder / "batches" / name).rename(folder / "damaged" / name)
    return None


def _read_batch(folder: Path) -> Batch:
    facts = json.loads((folder / BATCH_LIST).read_bytes())
    images = tuple(Listed(**image) for image in facts.pop("images"))
    destinations = tuple(facts.pop("destinations"))
    return Batch(**facts, destinations=destinations, images=images)
