"""What a spool has accepted outlives crashes, and leaves only when it has arrived."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from dicom_scans import GRIDS, IDS, scan_of, volume_of
from pydicom import dcmread

from streamrecon.dicom.delivery.journal import State
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.objects.series import DicomScan, Images, Run
from streamrecon.errors import ConfigError, DeliveryError
from streamrecon.model.outputs.quantities import Quantity

SCAN = scan_of(GRIDS["axial"])
N = SCAN.geometry.shape[0]


def images_of(quantity: Quantity = Quantity.CHI, run: str = "run") -> Images:
    return DicomScan(IDS, Run(run)).images(volume_of(SCAN, quantity))


def due(spool: Spool, destination: str) -> list[str]:
    return [entry.sop_uid for entry in spool.journal.due(destination, time.time(), limit=100)]


def uids(images: Images) -> list[str]:
    return [str(image.SOPInstanceUID) for image in images.datasets]


def deliver_all(spool: Spool, destination: str) -> None:
    for entry in spool.journal.due(destination, time.time(), limit=100):
        spool.journal.settle(entry.number, destination, State.SENT, status=0, reason="")


def test_every_image_waits_for_every_destination(tmp_path: Path) -> None:
    images = images_of()
    with Spool(tmp_path / "spool") as spool:
        spool.add(images, ["console", "archive"])

        assert due(spool, "console") == due(spool, "archive") == uids(images)


def test_the_files_are_what_was_made(tmp_path: Path) -> None:
    images = images_of()
    with Spool(tmp_path / "spool") as spool:
        spool.add(images, ["archive"])

        entries = spool.journal.due("archive", time.time(), limit=100)
        for entry, image in zip(entries, images.datasets, strict=True):
            assert dcmread(spool.path(entry)).PixelData == image.PixelData


def test_a_spool_is_its_owners_alone(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])

        folders = [path for path in [spool.folder, *spool.folder.rglob("*")] if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_a_folder_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir(mode=0o755)

    with pytest.raises(ConfigError, match="found mode 755, needed 700"):
        Spool(tmp_path / "spool")


@pytest.mark.privileged
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir(mode=0o700)
    os.chown(tmp_path / "spool", 12345, -1)

    with pytest.raises(ConfigError, match="owned by user 12345"):
        Spool(tmp_path / "spool")


def test_the_urgent_leave_first_whenever_they_came(tmp_path: Path) -> None:
    late, early = images_of(Quantity.CHI), images_of(Quantity.SWI)
    with Spool(tmp_path / "spool") as spool:
        spool.add(late, ["archive"])
        spool.add(early, ["archive"])

        assert due(spool, "archive") == uids(early) + uids(late)


def test_a_lost_journal_is_made_again_from_the_batches(tmp_path: Path) -> None:
    images = images_of()
    with Spool(tmp_path / "spool") as spool:
        spool.add(images, ["archive", "console"])
    for path in (tmp_path / "spool").glob("journal.sqlite3*"):
        path.unlink()

    with Spool(tmp_path / "spool") as spool:
        assert due(spool, "archive") == due(spool, "console") == uids(images)


@pytest.mark.parametrize("what", ["noise", "half", "empty"])
def test_a_damaged_journal_is_made_again_from_the_batches(what: str, tmp_path: Path) -> None:
    first, second = images_of(run="a"), images_of(run="b")
    with Spool(tmp_path / "spool") as spool:
        spool.add(first, ["archive"])
        deliver_all(spool, "archive")
    journal = tmp_path / "spool" / "journal.sqlite3"
    data = journal.read_bytes()
    journal.write_bytes(
        {"noise": b"noise" * 5000, "half": data[: len(data) // 2], "empty": b""}[what]
    )

    with Spool(tmp_path / "spool") as spool:
        spool.add(second, ["archive"])

        assert due(spool, "archive") == uids(first) + uids(second)


def test_a_journal_that_is_damaged_while_it_is_open_costs_no_image(tmp_path: Path) -> None:
    first, second = images_of(run="a"), images_of(run="b")
    with Spool(tmp_path / "spool") as spool:
        spool.add(first, ["archive"])
    with Spool(tmp_path / "spool") as spool:
        (tmp_path / "spool" / "journal.sqlite3").write_bytes(b"noise" * 20000)
        spool.add(second, ["archive"])

        assert due(spool, "archive") == uids(first) + uids(second)


def test_a_batch_without_its_list_is_moved_away_and_stops_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Spool(tmp_path / "spool") as spool:
        lost = spool.add(images_of(run="a"), ["archive"])
        spool.add(images_of(run="b"), ["archive"])
    (tmp_path / "spool" / "batches" / lost / "batch.json").write_bytes(b"{")
    for path in (tmp_path / "spool").glob("journal.sqlite3*"):
        path.unlink()

    with Spool(tmp_path / "spool") as spool:
        assert due(spool, "archive") == uids(images_of(run="b"))
    assert len(list((tmp_path / "spool" / "damaged" / lost).glob("*.dcm"))) == N
    assert f"damaged/{lost}" in caplog.text


def test_a_batch_that_a_crash_left_half_written_is_dropped(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        half = spool.folder / "incoming" / "999999999-half"
    half.mkdir()
    (half / "000001.dcm").write_bytes(b"half")

    with Spool(tmp_path / "spool") as spool:
        assert due(spool, "archive") == []
    assert not half.exists()


def test_a_batch_whose_folder_is_gone_is_forgotten(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        name = spool.add(images_of(), ["archive"])
    shutil.rmtree(tmp_path / "spool" / "batches" / name)

    with Spool(tmp_path / "spool") as spool:
        assert spool.tallies() == []


def test_the_same_images_added_again_are_sent_again_once(tmp_path: Path) -> None:
    images = images_of()
    with Spool(tmp_path / "spool") as spool:
        spool.add(images, ["archive"])
        deliver_all(spool, "archive")
        spool.add(images, ["archive"])
    with Spool(tmp_path / "spool") as spool:
        assert due(spool, "archive") == uids(images)


def test_only_what_arrived_everywhere_ages_out(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        half = spool.add(images_of(run="half"), ["archive", "console"])
        whole = spool.add(images_of(run="whole"), ["archive"])
        deliver_all(spool, "archive")

        gone = spool.age_out(0.0)

        assert gone == 1
        assert {path.name for path in (spool.folder / "batches").iterdir()} == {half}
        assert whole != half


def test_what_is_young_stays(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
        deliver_all(spool, "archive")

        assert spool.age_out(3600.0) == 0


def test_the_quota_takes_what_arrived_and_never_what_waits(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(run="probe"), ["archive"])
        size = spool.journal.bytes_held()
    with Spool(tmp_path / "spool", quota_bytes=2 * size + size // 2) as spool:
        second = images_of(run="second")
        spool.add(second, ["archive"])
        with pytest.raises(DeliveryError, match="quota"):
            spool.add(images_of(run="third"), ["archive"])
        assert len(due(spool, "archive")) == 2 * N

        deliver_all(spool, "archive")
        third = images_of(run="third")
        spool.add(third, ["archive"])

        assert due(spool, "archive") == uids(third)
        assert len(list((spool.folder / "batches").iterdir())) == 2


def test_what_waits_can_be_given_up_and_brought_back(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(Quantity.CHI), ["archive"])
        spool.add(images_of(Quantity.SWI), ["archive"])

        assert spool.give_up(output="SWI") == N
        assert {t.output: t.state for t in spool.tallies()} == {
            "SWI": State.FAILED,
            "QSM_ppb": State.WAITING,
        }
        assert spool.retry(output="SWI") == N
        assert {tally.state for tally in spool.tallies()} == {State.WAITING}


@pytest.mark.privileged
def test_a_full_disk_keeps_nothing_of_a_batch_and_says_so(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from test_spool import images_of
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.errors import DeliveryError

with Spool(Path(sys.argv[1]) / "spool") as spool:
    for k in range(1000):
        try:
            spool.add(images_of(run=str(k)), ["archive"])
        except DeliveryError as e:
            print(k, len(list((spool.folder / "batches").iterdir())), e)
            break
"""
    path = filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH")))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    mount = (
        f'mount -t tmpfs -o size=400k none {tmp_path} && exec {sys.executable} -c "$0" {tmp_path}'
    )

    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    if "unshare" in run.stderr or "mount" in run.stderr:
        pytest.skip("a small disk needs the right to mount one")
    kept, there, *text = run.stdout.split()
    assert int(kept) > 0
    assert kept == there
    assert "spool: 3 images of QSM_ppb not kept" in " ".join(text)


# The tables of the version before, as its journal made them.
OLD_TABLES = """
CREATE TABLE images (
  number INTEGER PRIMARY KEY AUTOINCREMENT, sop_uid TEXT UNIQUE NOT NULL, sop_class TEXT NOT NULL,
  batch TEXT NOT NULL, file TEXT NOT NULL, bytes INTEGER NOT NULL, series INTEGER NOT NULL,
  output TEXT NOT NULL, priority INTEGER NOT NULL, added REAL NOT NULL,
  sha256 TEXT NOT NULL DEFAULT '');
CREATE INDEX images_of_batch ON images (batch);
CREATE TABLE fates (
  number INTEGER NOT NULL, destination TEXT NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0, status INTEGER,
  reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (number, destination)) WITHOUT ROWID;
CREATE INDEX fates_due ON fates (destination, state, due);
CREATE TABLE destinations (
  name TEXT PRIMARY KEY, attempts INTEGER NOT NULL, due REAL NOT NULL, reason TEXT NOT NULL);
"""


def test_a_full_spool_of_the_version_before_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    images = images_of()
    with Spool(folder) as spool:
        spool.add(images, ["console", "archive"])
        size = spool.journal.bytes_held()
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as db:
        rows = db.execute("SELECT * FROM images").fetchall()
    for file in folder.glob("journal.sqlite3*"):
        file.unlink()
    states = [State.WAITING, State.SENT, State.FAILED, State.UNCONFIRMED]
    fates = [
        (row[0], name, states[row[0] % 4].value, row[0], 1.5 * row[0], 0xA700, f"reason {row[0]}")
        for row in rows
        for name in ("archive", "console")
    ]
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as db:
        db.executescript(OLD_TABLES)
        db.executemany(f"INSERT INTO images VALUES ({', '.join('?' * 11)})", rows)
        db.executemany("INSERT INTO fates VALUES (?, ?, ?, ?, ?, ?, ?)", fates)
        db.commit()

    with Spool(folder, quota_bytes=size) as spool:
        waiting = due(spool, "archive")
    with Spool(folder), closing(sqlite3.connect(folder / "journal.sqlite3")) as db:
        kept = db.execute("SELECT * FROM deliveries ORDER BY number, destination").fetchall()
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}

    assert kept == [(*fate, 0.0) for fate in sorted(fates)]  # when they arrived was not noted
    assert waiting == [row[1] for row in rows if row[0] % 4 == 0]
    assert not {"fates", "fates_due"} & names
