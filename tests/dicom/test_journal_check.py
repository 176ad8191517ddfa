"""A journal that SQLite reads and that is wrong is made again from the lists of its batches."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from test_spool import deliver_all, due, images_of, uids

from streamrecon.dicom.delivery.commitment_table import note_request
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.delivery.spool_repair import check_journal

WRONG = {
    "a file": "UPDATE images SET file = '000009.dcm' WHERE number = 2",
    "a size": "UPDATE images SET bytes = bytes + 256 WHERE number = 2",
    "a checksum": "UPDATE images SET sha256 = 'a' || substr(sha256, 2) WHERE number = 2",
    "a UID": "UPDATE images SET sop_uid = sop_uid || '1' WHERE number = 2",
    "a batch": "UPDATE images SET batch = 'another' WHERE number = 2",
    "a state": "UPDATE deliveries SET state = 'waithng' WHERE number = 2",
    "a destination": "UPDATE deliveries SET destination = destination || 'e' WHERE number = 2",
    "no text": "UPDATE images SET output = CAST(x'ff' AS TEXT) WHERE number = 2",
    "a delivery that is gone": "DELETE FROM deliveries WHERE number = 2",
    "an image that is gone": "DELETE FROM images WHERE number = 2",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_journal_other_than_its_lists_is_made_again(what: str, tmp_path: Path) -> None:
    images = images_of()
    with Spool(tmp_path) as spool:
        spool.add(images, ["archive", "console"])
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as db, db:
        db.execute(WRONG[what])

    check_journal(tmp_path)

    with Spool(tmp_path) as spool:
        assert due(spool, "archive") == due(spool, "console") == uids(images)


def test_a_value_that_an_index_has_otherwise_is_found(tmp_path: Path) -> None:
    """A moment to try again, changed on the disk by one bit: no list holds it."""
    images = images_of()
    with Spool(tmp_path) as spool:
        spool.add(images, ["archive"])
        number = spool.journal.due("archive", 1.0, limit=1)[0].number
        spool.journal.postpone(number, "archive", 1234567.5, status=None, reason="")
    journal = tmp_path / "journal.sqlite3"
    moment = bytes.fromhex("4132d68780000000")  # 1234567.5 as the file has it
    data = journal.read_bytes()
    assert data.count(moment) == 2  # in the table, and in its index
    journal.write_bytes(data.replace(moment, b"\x7a" + moment[1:], 1))

    check_journal(tmp_path)

    with Spool(tmp_path) as spool:
        assert due(spool, "archive") == uids(images)


def test_a_sound_journal_stays_and_nothing_is_sent_again(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.add(images_of(run="a"), ["archive"])
        deliver_all(spool, "archive")
        spool.add(images_of(run="a"), ["console"])  # again: they leave the first batch
        spool.add(images_of(run="b"), ["archive", "console"])
        note_request(spool.journal.db, "1.2.3", "archive", [1, 2])
        before = spool.tallies()

    check_journal(tmp_path)

    with Spool(tmp_path) as spool:
        assert spool.tallies() == before
    assert not list(tmp_path.glob("*.damaged"))


def test_a_list_that_cannot_be_read_says_nothing_against_the_journal(tmp_path: Path) -> None:
    images = images_of()
    with Spool(tmp_path) as spool:
        name = spool.add(images, ["archive"])
    (tmp_path / "batches" / name / "batch.json").write_bytes(b"{")

    check_journal(tmp_path)

    with Spool(tmp_path) as spool:
        assert due(spool, "archive") == uids(images)
