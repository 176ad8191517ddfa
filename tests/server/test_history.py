"""Scans are on record with what they were; a sick disk costs the record, never a scan."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest
from toy_client import HEADER, PATIENCE_S, chain, gadget, lines, service

from streamrecon import cli
from streamrecon.dicom.delivery.process_names import own_name
from streamrecon.mrd.wire.messages import Close, Image
from streamrecon.server.settings import Settings
from streamrecon.server.watching.history import History
from streamrecon.server.watching.scan_record import ScanRecord
from streamrecon.storage.scan_table import NAME, ScanTable

SUM = gadget("SumLines")


def rows(storage: Path, count: int) -> list[dict[str, object]]:
    """What is on record when there are so many; it is written a moment later."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        with ScanTable(storage) as table:
            found = list(table.latest(100))
        if len([row for row in found if row["ended"]]) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{found}")


def test_scans_are_on_record_with_chain_times_versions_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    with service(storage=str(tmp_path), raw_folder=str(raw)) as running:
        running.talk(chain(SUM), HEADER, lines(5), Close())
        running.talk(chain(gadget("Fail")), HEADER, lines(5), Close())
        failed, complete = rows(tmp_path, 2)

        assert cli.main(["status", "--storage", str(tmp_path), "--json"]) == 0
        state = json.loads(capsys.readouterr().out)
        assert cli.main(["status", "--storage", str(tmp_path)]) == 0
        shown = capsys.readouterr().out

    assert (complete["outcome"], complete["lines"], complete["images"]) == ("complete", 5, 1)
    assert complete["stages"] == ["SumLines"]
    assert (raw / str(complete["raw_copy"])).exists()
    assert "streamrecon" in str(complete["versions"])
    assert (failed["outcome"], failed["notices"]) == ("data", [failed["reason"]])
    assert state["service"]["scans"] == {"complete": 1, "data": 1}
    assert [scan["outcome"] for scan in state["scans"]] == ["complete", "data"]
    assert "0 of 4 places taken" in shown
    assert str(failed["reason"]) in shown


def test_a_scan_whose_service_is_killed_is_found_as_interrupted(tmp_path: Path) -> None:
    with service(storage=str(tmp_path)) as running, running.connect() as client:
        client.send(chain(SUM), HEADER, lines(5))
        ends = time.monotonic() + PATIENCE_S
        while not (tmp_path / NAME).exists() or not list(ScanTable(tmp_path).latest(1)):
            assert time.monotonic() < ends
            time.sleep(0.02)
        running.process.kill()
        running.process.wait()
    with service(storage=str(tmp_path)):
        (row,) = rows(tmp_path, 1)

    assert (row["outcome"], row["lines"]) == ("interrupted", 0)


def test_a_scan_is_interrupted_though_its_killed_service_had_our_number(tmp_path: Path) -> None:
    """As in a container that is started again."""
    before = own_name().rpartition(".")[0] + ".1-0a1b2c3d"
    with ScanTable(tmp_path) as table:
        table.keep(ScanRecord("0a1b2c3d", config="qsm").as_facts(notices=True), before, "")

    History(Settings(storage=tmp_path)).close()

    with ScanTable(tmp_path) as table:
        (row,) = table.latest(2)
    assert row["outcome"] == "interrupted"


def test_a_sick_disk_is_told_and_the_scan_goes_on(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()  # nothing can be written there, not even by root
    with service(storage=str(tmp_path)) as running:
        heard = running.talk(chain(SUM), HEADER, lines(5), Close())
        _, log = running.stop()

    assert [type(message) for message in heard] == [Image, Close]
    assert log.count("scans are not recorded") == 1


def test_a_disk_that_stalls_delays_nobody_and_the_record_is_bounded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScanTable(tmp_path) as table:
        table._db.execute("BEGIN IMMEDIATE")  # nobody else can write
        history = History(Settings(storage=tmp_path))
        for n in range(1000):
            history.keep(ScanRecord(f"{n:08x}", config="qsm"))
        table._db.execute("COMMIT")
    history.close()

    with ScanTable(tmp_path) as table:
        assert 200 < len(list(table.latest(2000))) < 300
    assert caplog.text.count("does not keep up") == 1


def test_without_storage_nothing_is_recorded() -> None:
    history = History(Settings(storage=None))

    history.keep(ScanRecord("0a1b2c3d", config="qsm"))

    history.close()


def test_history_as_csv_runs_no_formula_of_the_wire(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScanTable(tmp_path) as table:
        facts = {"session": "0a1b2c3d", "began": 1e9, "protocol": '=HYPERLINK("x")', "lines": 7}
        table.keep(facts | {"notices": ["INF a", "WRN b"]}, "s", "v")

    assert cli.main(["history", "--storage", str(tmp_path), "--csv"]) == 0

    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["session"], row["lines"], row["protocol"]) == ("0a1b2c3d", "7", '\'=HYPERLINK("x")')
    assert row["notices"] == "INF a; WRN b"


def test_one_scan_is_shown_whole_and_an_unknown_one_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScanTable(tmp_path) as table:
        table.keep({"session": "0a1b2c3d", "began": 1e9, "config": "gre_qsm"}, "s", "v")
    place = ["history", "--storage", str(tmp_path)]

    assert cli.main([*place, "--session", "0a1b2c3d"]) == 0
    assert json.loads(capsys.readouterr().out)["config"] == "gre_qsm"
    assert cli.main(place) == 0
    assert "gre_qsm" in capsys.readouterr().out
    assert cli.main([*place, "--session", "ffffffff"]) == 2


def test_status_and_history_say_where_nothing_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status", "--storage", str(tmp_path)]) == 1
    assert "no service runs" in capsys.readouterr().err
    assert cli.main(["history", "--storage", str(tmp_path)]) == 2
    assert "no record of scans" in capsys.readouterr().err
