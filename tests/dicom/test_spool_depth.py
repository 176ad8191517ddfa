"""What waits in a spool is counted with its age, and when images arrived, without touching it."""

from __future__ import annotations

import time
from pathlib import Path

from streamrecon.dicom.delivery.journal import Batch, Journal, Listed, State
from streamrecon.dicom.delivery.spool_depth import arrivals, depths, silent


def journal(folder: Path, *, added: float) -> Journal:
    """Three images for two archives."""
    made = Journal(folder / "journal.sqlite3")
    images = tuple(Listed(f"1.2.{n}", "1.3", f"{n}.dcm", 100 + n) for n in range(3))
    made.add(Batch("b", 507, "QSM_ppb", 4, added, ("pacs", "research"), images))
    return made


def test_images_are_counted_by_archive_and_state_with_bytes_and_age(tmp_path: Path) -> None:
    made = journal(tmp_path, added=1000.0)
    made.settle(1, "pacs", State.FAILED, status=0xC000, reason="x")
    made.set_pause("research", 3, 0.0, "research: connection refused")

    found = {(d.destination, d.state): (d.images, d.bytes, d.oldest) for d in depths(tmp_path)}

    assert found == {
        ("pacs", State.FAILED): (1, 100, 1000.0),
        ("pacs", State.WAITING): (2, 203, 1000.0),
        ("research", State.WAITING): (3, 303, 1000.0),
    }
    assert silent(tmp_path) == {"research": "research: connection refused"}
    made.close()


def test_arrivals_tell_how_long_images_took_and_only_new_ones(tmp_path: Path) -> None:
    began = time.time()
    made = journal(tmp_path, added=began - 20.0)
    made.settle(1, "pacs", State.SENT, status=0, reason="")
    made.settle(2, "pacs", State.FAILED, status=1, reason="x")

    (arrival,) = arrivals(tmp_path, after=began - 1.0)

    assert arrival.destination == "pacs"
    assert 20.0 <= arrival.seconds < 20.0 + (time.time() - began) + 0.01
    assert arrivals(tmp_path, after=arrival.at) == []
    made.close()


def test_a_journal_of_an_older_version_gets_the_column_and_keeps_its_rows(tmp_path: Path) -> None:
    made = journal(tmp_path, added=1000.0)
    made.db.execute("ALTER TABLE deliveries DROP COLUMN settled")
    made.close()

    again = Journal(tmp_path / "journal.sqlite3")
    again.settle(1, "pacs", State.SENT, status=0, reason="")

    assert [arrival.destination for arrival in arrivals(tmp_path, after=0.0)] == ["pacs"]
    assert sum(depth.images for depth in depths(tmp_path)) == 6
    again.close()


def test_a_folder_without_a_journal_is_empty_and_stays_so(tmp_path: Path) -> None:
    assert (depths(tmp_path), silent(tmp_path), arrivals(tmp_path, 0.0)) == ([], {}, [])
    assert list(tmp_path.iterdir()) == []
