"""Two services share a spool, two versions follow one another: nothing is lost, nobody is stuck."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from sqlite3 import connect

import pytest
from archive import Archive, listening
from narrowing import given
from test_sender_threads import until
from test_spool import due, images_of, uids
from test_spool_command import name_archive

from streamrecon.dicom.delivery.process_names import has_ended, own_name
from streamrecon.dicom.delivery.spool import Spool

_LIMIT_S = 60.0
_SPACE = own_name().split(".")[0]
_WRITERS, _BATCHES = 3, 8


def sender(storage: Path) -> subprocess.Popen[bytes]:
    """What a service runs beside its scans."""
    words = ["-m", "streamrecon", "spool", "send", "--while-stdin"]
    words += ["--spool", str(storage / "spool")]
    words += ["--destinations", str(storage / "destinations.toml")]
    return subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE)


def end(process: subprocess.Popen[bytes]) -> int:
    given(process.stdin).close()
    return process.wait(_LIMIT_S)


@pytest.mark.long
def test_the_second_service_delivers_when_the_first_is_gone(tmp_path: Path) -> None:
    archive = Archive()
    with listening(archive) as port:
        name_archive(tmp_path, port)
        with sender(tmp_path) as first, sender(tmp_path) as second:
            with Spool(tmp_path / "spool") as spool:
                spool.add(images_of(run="a"), ["archive"])
            assert archive.wait_for(3, _LIMIT_S)
            assert until(tmp_path / "spool", {"archive sent": 3}) == {"archive sent": 3}
            assert first.poll() is None and second.poll() is None

            first.kill()
            first.wait()
            with Spool(tmp_path / "spool") as spool:
                spool.add(images_of(run="b"), ["archive"])
            arrived = archive.wait_for(6, _LIMIT_S)

            given(first.stdin).close()
            assert end(second) == 0
    assert arrived
    assert set(archive.stored.values()) == {1}


def test_a_service_that_waits_for_the_spool_ends_when_it_is_told(tmp_path: Path) -> None:
    with listening(Archive()) as port:
        name_archive(tmp_path, port)
        with sender(tmp_path) as first, sender(tmp_path) as second:
            time.sleep(1.0)
            assert end(second) == 0
            assert end(first) == 0


def write(folder: str, name: str) -> None:
    """Fill a spool, opening it anew for each batch as scans do."""
    for k in range(_BATCHES):
        with Spool(Path(folder)) as spool:
            spool.add(images_of(run=f"{name}-{k}"), ["archive"])


def test_writers_at_once_lose_nothing_and_list_nothing_twice(tmp_path: Path) -> None:
    context = get_context("spawn")
    names = [f"service {n}" for n in range(_WRITERS)]
    writers = [context.Process(target=write, args=(str(tmp_path / "spool"), n)) for n in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(_LIMIT_S)

    with Spool(tmp_path / "spool") as spool:
        found = [entry.sop_uid for entry in spool.journal.due("archive", time.time(), limit=999)]
    wanted = [u for n in names for k in range(_BATCHES) for u in uids(images_of(run=f"{n}-{k}"))]
    assert [writer.exitcode for writer in writers] == [0] * _WRITERS
    assert sorted(found) == sorted(wanted)


def open_once(folder: str) -> None:
    with Spool(Path(folder)):
        pass


def test_a_spool_of_the_version_before_is_taken_over_by_several_at_once(tmp_path: Path) -> None:
    """Without checksums, as the first versions kept it."""
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
    with closing(connect(tmp_path / "spool" / "journal.sqlite3")) as db:
        db.execute("ALTER TABLE images DROP COLUMN sha256")
        db.commit()
    context = get_context("spawn")
    folder = str(tmp_path / "spool")
    openers = [context.Process(target=open_once, args=(folder,)) for _ in range(4)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(_LIMIT_S)

    assert [opener.exitcode for opener in openers] == [0] * 4
    with Spool(tmp_path / "spool") as spool:
        assert due(spool, "archive") == uids(images_of())
        entries = spool.journal.due("archive", time.time(), limit=9)
        assert [spool.damage(entry) for entry in entries] == ["", "", ""]


@pytest.mark.parametrize(
    ("name", "age_s", "ended"),
    [
        (own_name(), 0, False),
        (own_name(), 1e6, False),
        (own_name().rpartition(".")[0] + ".1", 0, True),
        (f"{_SPACE}.999999999.1", 0, True),
        (f"{_SPACE}.999999999", 0, True),
        (f"{_SPACE}.{os.getpid()}", 1e6, False),
        ("1.999999999.1", 0, False),
        ("1.999999999", 0, False),
        ("1.999999999", 1e6, True),
        (f"1.{os.getpid()}", 1e6, True),
        ("a.b.c.d", 0, False),
        ("a.b.c.d", 1e6, True),
        ("999999999", 0, True),
        (str(os.getpid()), 0, False),
    ],
    ids=[
        "ours",
        "ours, old",
        "ended, its number is ours now",
        "ended in our space",
        "ended in our space, of an older version",
        "running in our space, of an older version",
        "another container's",
        "another container's, of an older version",
        "another container's, old",
        "another container's, old, a number that we have",
        "somebody's",
        "somebody's, old",
        "ended, of an older version",
        "running, of an older version",
    ],
)
def test_what_another_process_has_begun_is_left_to_it(
    name: str, age_s: float, ended: bool, tmp_path: Path
) -> None:
    path = tmp_path / f"{name}-half"
    path.mkdir()
    then = time.time() - age_s
    os.utime(path, (then, then))

    assert has_ended(path) is ended
