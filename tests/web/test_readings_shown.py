"""The light of a scan is that of its worst reading, and nothing of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kept_scan import keep_report, keep_scan

from streamrecon import cli, errors
from streamrecon.output.readings import KeptReadings, kept_readings
from streamrecon.server.sessions import error_report
from streamrecon.server.watching.outcome_words import OUTCOME_WORDS

ONE, TWO = "0a1b2c3d", "0a1b2c3e"


def qc(light: str, *reasons: str) -> dict[str, object]:
    return {"kind": "qc", "light": light, "reasons": reasons}


def test_the_worst_light_of_all_repetitions_counts_with_its_reasons(tmp_path: Path) -> None:
    keep_report(tmp_path, ONE, [qc("green", "none"), {"kind": "iron", "reasons": ["thin"]}])
    keep_report(tmp_path, ONE, [qc("red", "motion")], run=2)
    keep_report(tmp_path, ONE, [qc("amber", "noise", "motion")], run=3)
    keep_report(tmp_path, TWO, [qc("green")])

    found = kept_readings(tmp_path, [ONE, TWO, "ffffffff"])

    assert found.keys() == {ONE, TWO}
    assert (found[ONE].light, found[ONE].reasons) == ("red", ("motion", "noise"))
    assert [row["kind"] for row in found[ONE].rows] == ["qc", "iron", "qc", "qc"]
    assert (found[TWO].light, found[TWO].reasons) == ("green", ())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"readings": 3}', '{"readings": [{"light": "blue"}, {"light": 3}, 4]}']
)
def test_what_is_no_report_of_ours_gives_no_light(tmp_path: Path, text: str) -> None:
    keep_report(tmp_path, ONE, []).write_text(text)

    assert kept_readings(tmp_path, [ONE])[ONE].light == ""


def test_without_reports_there_is_nothing_to_show(tmp_path: Path) -> None:
    (tmp_path / "readings" / f"{ONE}_run-1_readings").mkdir(parents=True)

    assert kept_readings(tmp_path / "nowhere", [ONE]) == {}
    assert kept_readings(tmp_path, [ONE]) == {ONE: KeptReadings()}


def test_a_report_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    file = keep_report(tmp_path, ONE, [qc("amber", "noise")])
    before = kept_readings(tmp_path, [ONE])[ONE].light
    keep_report(tmp_path, ONE, [qc("green")])
    os.utime(file, ns=(1, 1))

    assert before == "amber"
    assert kept_readings(tmp_path, [ONE])[ONE].light == "green"


def test_not_judged_is_worse_than_green_and_better_than_amber(tmp_path: Path) -> None:
    keep_report(tmp_path, ONE, [qc("green")], run=1)
    keep_report(tmp_path, ONE, [qc("unjudged", "the sign could not be told")], run=2)
    keep_report(tmp_path, TWO, [qc("unjudged", "the sign could not be told")], run=1)
    keep_report(tmp_path, TWO, [qc("amber", "noise")], run=2)

    found = kept_readings(tmp_path, [ONE, TWO])

    assert (found[ONE].light, found[ONE].reasons) == ("unjudged", ("the sign could not be told",))
    assert found[TWO].light == "amber"


def test_history_tells_light_and_outcome_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_scan(tmp_path, ONE, [], outcome="config")
    keep_scan(tmp_path, TWO, [])
    keep_report(tmp_path, TWO, [qc("red", "motion")])

    assert cli.main(["history", "--storage", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert cli.main(["history", "--storage", str(tmp_path), "--csv"]) == 0
    table = capsys.readouterr().out.splitlines()

    assert {line.split()[2]: " ".join(line.split()[3:7]) for line in lines} == {
        ONE: "chain refused QC -",
        TWO: "complete QC red 0.0",
    }
    assert table[0].split(",")[-4] == "qc"
    assert sorted(line.split(",")[-4] for line in table[1:]) == ["", "red"]


def test_every_code_that_a_client_is_told_has_words() -> None:
    kinds = [
        each
        for module in (errors, error_report)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, errors.StreamReconError)
    ]

    assert {kind.code for kind in kinds} <= OUTCOME_WORDS.keys()
