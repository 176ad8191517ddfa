"""Opens a spool's journal, and brings it in line with the batches that are on the disk."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from streamrecon.dicom.delivery.journal import Batch, Journal, Listed, State
from streamrecon.dicom.delivery.journal_repair import is_damaged, is_locked, is_sound, set_aside
from streamrecon.dicom.delivery.process_names import has_ended

JOURNAL = "journal.sqlite3"
BATCH_LIST = "batch.json"
WAITING = "waiting"
_UNREADABLE = (OSError, ValueError, TypeError, LookupError)  # of a list

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


def check_journal(folder: Path) -> None:
    """Make a journal again that reads well and is wrong: other than the lists of its batches.

    SQLite finds a damaged page by its structure, and a value by an index that has another. What no
    index holds (a file's name, size and checksum, a destination) is compared with the lists.
    """
    if (folder / JOURNAL).exists():
        set_aside(folder / JOURNAL, lambda journal: is_sound(journal) and _is_as_listed(journal))


def _is_as_listed(path: Path) -> bool:
    try:
        with closing(Journal(path)) as journal:
            lists = list(_lists(path.parent, journal.batches()))
            there = {batch.name for batch in lists}
            return journal.states() <= {state.value for state in State} and all(
                journal.noted(batch.name) == set(_one_by_one(journal, batch, there - {batch.name}))
                for batch in lists
            )
    except (sqlite3.Error, ValueError, TypeError) as error:
        return is_locked(error)


def _lists(folder: Path, names: Iterable[str]) -> Iterator[Batch]:
    """Batches by their own lists, but for lists that cannot be read."""
    for name in names:
        with suppress(*_UNREADABLE):
            yield _read_batch(folder / "batches" / name)


def _one_by_one(journal: Journal, batch: Batch, others: set[str]) -> Iterator[Batch]:
    """Images of a batch that are not noted in another, as :meth:`Journal.noted` gives them."""
    destinations = tuple(sorted(batch.destinations))
    for image in batch.images:
        if journal.batch_of(image.sop_uid) not in others:
            yield replace(batch, destinations=destinations, images=(image,))


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
                images = tuple(i for i in batch.images if journal.batch_of(i.sop_uid) is None)
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
    except _UNREADABLE as e:
        _log.error("spool: a batch has no list that can be read, and is in damaged/%s: %s", name, e)
    (folder / "damaged").mkdir(mode=0o700, exist_ok=True)
    (folder / "batches" / name).rename(folder / "damaged" / name)
    return None


def _read_batch(folder: Path) -> Batch:
    facts = json.loads((folder / BATCH_LIST).read_bytes())
    images = tuple(Listed(**image) for image in facts.pop("images"))
    destinations = tuple(facts.pop("destinations"))
    return Batch(**facts, destinations=destinations, images=images)
