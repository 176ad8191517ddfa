"""The record of scans keeps what it was told through crashes, and forgets what is old."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from narrowing import as_a, given

from streamrecon.storage.scan_table import NAME, ScanTable

WRITER = """
import sys, itertools
from pathlib import Path
from streamrecon.storage.scan_table import ScanTable
table = ScanTable(Path(sys.argv[1]))
for n in itertools.count():
    table.keep({"session": f"{n:08x}", "began": float(n)}, "s", "v")
    print(n, flush=True)
"""


def scan(number: int, **more: object) -> dict[str, object]:
    return {"session": f"{number:08x}", "began": 1000.0 + number, "ended": 2000.0, **more}


def test_a_scan_is_read_as_it_was_written(tmp_path: Path) -> None:
    facts = scan(1, stages=["a", "b"], stage_s=[0.5, 1.5], notices=["INF χ"], config="qsm")

    with ScanTable(tmp_path) as table:
        table.keep(facts, "service", "numpy 2")

    with ScanTable(tmp_path) as table:
        row = table.find("00000001")
    assert row is not None
    assert facts.items() <= row.items()
    assert (row["service"], row["versions"]) == ("service", "numpy 2")


def test_the_end_of_a_scan_replaces_its_beginning(tmp_path: Path) -> None:
    with ScanTable(tmp_path) as table:
        table.keep(scan(1, ended=0.0), "a", "")
        table.keep(scan(1, outcome="complete"), "a", "")

        rows = list(table.latest(10))

    assert [(row["session"], row["outcome"]) for row in rows] == [("00000001", "complete")]


def test_scans_come_the_last_one_first_page_by_page(tmp_path: Path) -> None:
    with ScanTable(tmp_path) as table:
        for n in range(7):
            table.keep(scan(n), "a", "")

        first = [row["began"] for row in table.latest(3)]
        last = as_a(float, first[-1])
        second = [row["began"] for row in table.latest(3, before=last)]
        late = [row["began"] for row in table.latest(9, after=1005.0)]

    assert first == [1006.0, 1005.0, 1004.0]
    assert second == [1003.0, 1002.0, 1001.0]
    assert late == [1006.0, 1005.0]


def test_only_scans_of_services_that_ended_and_old_ones_were_cut(tmp_path: Path) -> None:
    now = time.time()
    with ScanTable(tmp_path) as table:
        table.keep(scan(1, ended=0.0, began=now), "gone", "")
        table.keep(scan(2, ended=0.0, began=now), "lives", "")
        table.keep(scan(3, ended=0.0, began=now - 1000.0), "of another container", "")
        table.keep(scan(4, outcome="complete", began=now), "gone", "")

        cut = table.interrupt(["gone"], older_than_s=500.0)

        outcomes = [given(table.find(f"{n:08x}"))["outcome"] for n in (1, 2, 3, 4)]
    assert (cut, outcomes) == (2, ["interrupted", "", "interrupted", "complete"])


def test_the_oldest_go_by_age_and_by_size(tmp_path: Path) -> None:
    now = time.time()
    with ScanTable(tmp_path) as table:
        for n in range(2000):
            notices = ["x" * 500] * 4
            table.keep(scan(n, began=now - 86400.0 * (4.0 - n / 1000.0), notices=notices), "a", "")

        by_age = table.prune(days=3.0, mib=1000.0)
        table.prune(days=3.0, mib=1.0)

        rest = [row["session"] for row in table.latest(5000)]
    assert 995 < by_age < 1005
    assert 100 < len(rest) < 400  # a page of 4 KiB holds one
    assert rest[0] == f"{1999:08x}"


def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    for line in given(writer.stdout):
        if int(line) == 50:
            break
    writer.send_signal(signal.SIGKILL)
    writer.communicate()

    with ScanTable(tmp_path) as table:
        kept = len(list(table.latest(10_000)))
    with sqlite3.connect(tmp_path / NAME) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert kept >= 50


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        ScanTable(tmp_path / "new").close()
    finally:
        os.umask(old)

    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / NAME).stat().st_mode & 0o077 == 0


def test_the_usual_time_is_that_of_the_last_complete_scan_of_its_kind(tmp_path: Path) -> None:
    with ScanTable(tmp_path) as table:
        kind = {"config_hash": "1a", "protocol": "p"}
        table.keep(scan(1, outcome="complete", seconds=7.0, **kind), "a", "")
        table.keep(scan(2, outcome="complete", seconds=5.0, **kind), "a", "")
        table.keep(scan(3, outcome="data", seconds=1.0, **kind), "a", "")

        assert table.usual_seconds("1a", "p") == 5.0
        assert table.usual_seconds("1a", "q") is None


def test_what_persons_did_is_kept_in_order(tmp_path: Path) -> None:
    with ScanTable(tmp_path) as table:
        table.note_action("ann", "127.0.0.1", "retry", "pacs")
        table.note_action("bob", "127.0.0.1", "again", "0a1b2c3d")

        found = [(row["user"], row["action"], row["target"]) for row in table.actions(10)]

    assert found == [("bob", "again", "0a1b2c3d"), ("ann", "retry", "pacs")]


def test_a_file_that_is_no_database_is_an_error_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database" * 1000)

    with pytest.raises(sqlite3.DatabaseError):
        ScanTable(tmp_path)
