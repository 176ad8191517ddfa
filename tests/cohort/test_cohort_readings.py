"""Readings of a cohort's scans are kept, and the overview shows the worst light of each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from streamrecon.cohort.entities import entities_of
from streamrecon.cohort.job import DONE, Record
from streamrecon.cohort.overview import write_overview
from streamrecon.cohort.readings import keep_readings
from streamrecon.cohort.scan_tree import RAW, CohortScan


def report(folder: Path, light: str | None, *reasons: str) -> None:
    """What a chain leaves beside its images."""
    folder.mkdir(parents=True)
    rows = [{"kind": "qc", "light": light, "reasons": reasons}, {"kind": "lesions", "light": None}]
    (folder / "analysis.json").write_text(json.dumps({"readings": rows}), encoding="utf-8")
    (folder / "analysis.html").write_text("<p>page</p>", encoding="utf-8")


def test_reports_of_all_repetitions_are_moved_and_the_worst_light_is_told(tmp_path: Path) -> None:
    made, own = tmp_path / "made", tmp_path / "own"
    report(made / "scan_run-1_readings", "green")
    report(made / "scan_run-2_readings", "amber", "streaks")
    report(own / "readings" / "sub-01", "red", "of an earlier run")

    files, kept = keep_readings("sub-01", made, own)

    assert (kept.light, kept.reasons) == ("amber", ("streaks",))
    assert not list(made.rglob("*.json"))
    assert sorted(path.relative_to(own).as_posix() for path in files) == [
        "readings/sub-01/analysis.html", "readings/sub-01/analysis.json",
        "readings/sub-01_2/analysis.html", "readings/sub-01_2/analysis.json",
    ]  # fmt: skip


def test_a_scan_without_readings_has_no_light_of_its_own(tmp_path: Path) -> None:
    files, kept = keep_readings("sub-01", tmp_path, tmp_path / "own")

    assert (files, kept.light) == ([], "")


@pytest.mark.parametrize(
    ("read", "warnings", "shown"),
    [
        ("", 0, "unjudged"),
        ("", 1, "amber"),
        ("unjudged", 0, "unjudged"),
        ("unjudged", 1, "amber"),
        ("green", 0, "green"),
        ("green", 2, "amber"),
        ("amber", 0, "amber"),
        ("red", 0, "red"),
        ("purple", 0, "unjudged"),
    ],
)
def test_the_overview_shows_the_worse_of_log_and_readings(
    tmp_path: Path, read: str, warnings: int, shown: str
) -> None:
    scan = CohortScan(entities_of(Path("sub-01.h5")), RAW, (tmp_path / "sub-01.h5",), ())
    facts = {"warnings": warnings, "light": read, "light_reasons": ["mask <small>"]}
    record = Record(scan.name, DONE, "key", {}, facts=facts)
    (tmp_path / "made").mkdir()
    if read:
        report(tmp_path / "made" / "scan_run-1_readings", read)
        keep_readings(scan.name, tmp_path / "made", tmp_path)

    page = write_overview([scan], {scan.name: record}, {}, tmp_path).read_text(encoding="utf-8")

    table = (tmp_path / "overview.tsv").read_text(encoding="utf-8").splitlines()
    assert table[1].split("\t")[2:4] == [shown, "mask <small>"]
    assert f'<td class="{shown}">' in page
    assert "mask &lt;small&gt;" in page
    link = f'href="readings/{scan.name}/analysis.html"'
    assert (link in page) == bool(read)


def test_the_overview_says_why_a_scan_without_readings_is_not_judged(tmp_path: Path) -> None:
    scan = CohortScan(entities_of(Path("sub-01.h5")), RAW, (tmp_path / "sub-01.h5",), ())
    record = Record(scan.name, DONE, "key", {}, facts={"warnings": 0, "light": ""})

    write_overview([scan], {scan.name: record}, {}, tmp_path)

    table = (tmp_path / "overview.tsv").read_text(encoding="utf-8").splitlines()
    assert table[1].split("\t")[2:4] == ["unjudged", "the quality of its maps was not read"]


def test_the_overview_names_its_pictures_and_its_units(tmp_path: Path) -> None:
    scan = CohortScan(entities_of(Path("sub-01.h5")), RAW, (tmp_path / "sub-01.h5",), ())
    record = Record(scan.name, DONE, "key", {}, facts={"b0_t": 3.0})

    page = write_overview([scan], {scan.name: record}, {}, tmp_path).read_text(encoding="utf-8")

    heads = re.findall("<th>(.*?)</th>", page)
    assert heads[:2] == ["magnitude, SWI, χ", "scan"]
    assert {"B0 [T]", "time [s]", "SNR"} <= set(heads)
    table = (tmp_path / "overview.tsv").read_text(encoding="utf-8").splitlines()
    assert len(heads) == 1 + len(table[0].split("\t"))
