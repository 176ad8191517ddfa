"""Tilts of one head, streamed one after another: each is told with those of its study before it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lying_head import GRIDS, magnitude, turn
from made_maps import chi_map, total_field_of
from narrowing import all_of
from streamrecon_gadgets.maps.readings import MakeReadings

from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.images import Echoes
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.model.study import Study, StudyInfo, Subject
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.stream.gadget import Context

TILTS: list[tuple[str, float]] = [("x", 0), ("x", 21), ("y", -19)]


def streamed(
    number: int,
    storage: Path | None,
    tables: Path | None = None,
    *,
    study: str = "1.2.3",
    patient: str = "",
    is_brain: bool = True,
    session: str = "",
) -> Notice:
    """What is told at the end of a scan of the head in one of its positions."""
    grid = GRIDS[number]
    image = magnitude(grid, turn(*TILTS[number]), (1.0, 2.0, -1.0))
    scan = bare_scan(grid, (0.005, 0.010), 3.0, PhaseSign(1, SignOrigin.GIVEN), name="brain")
    visit = StudyInfo(Subject(patient_id=patient), Study(date="20261129"))
    ids = replace(scan.protocol.ids, study_uid=study, visit=visit)
    scan = replace(scan, protocol=replace(scan.protocol, ids=ids))
    total = total_field_of(image > 0, magnitude=image, is_brain=is_brain)
    chi = chi_map(np.zeros_like(image), total, scan)
    echoes = Echoes(np.stack([image, image]).astype(np.complex64), scan)
    gadget = MakeReadings(readings=("orientations",))
    gadget.enter(Context(storage=storage, tables=tables, session=session or f"session{number}"))
    given: list[Echoes | ChiMap] = [echoes, chi]
    assert [out for item in given for out in gadget.feed(item)] == given
    return all_of(Notice, gadget.finish())[-1]


def turned(notice: Notice) -> tuple[float, float]:
    """Degrees about left-right and about anterior-posterior that are told of the last position."""
    said = re.search(
        r"\(([+-]\d+)° about left-right, ([+-]\d+)° about anterior-posterior\)", notice.text
    )
    assert said is not None, notice.text
    return float(said[1]), float(said[2])


def report(folder: Path, number: int) -> dict[str, Any]:
    path = folder / f"session{number}_run-1_readings" / "analysis.json"
    (reading,) = json.loads(path.read_text(encoding="utf-8"))["readings"]
    return dict(reading)


def test_each_tilt_is_told_what_is_still_needed_until_they_are_enough(tmp_path: Path) -> None:
    first, second, third = (streamed(number, tmp_path) for number in range(3))

    assert "condition inf of 1 (flagged)" in first.text
    assert "and another about the other one" in first.text
    assert "condition inf of 2 (flagged)" in second.text  # two cones always cross
    assert "about the anterior-posterior axis: condition" in second.text
    assert "of 3 (given); research use only" in third.text
    assert turned(second) == pytest.approx((21, 0), abs=1)
    assert turned(third) == pytest.approx((0, -19), abs=1)
    assert third.level is Level.INFO
    found = report(tmp_path / "readings", 2)
    numbers = {(v["subject"], v["name"]): v["number"] for v in found["values"]}
    assert numbers["position 2", "tilt"] == pytest.approx(21, abs=1)
    assert numbers["position 3", "tilt"] == pytest.approx(19, abs=1)
    assert numbers["orientations", "condition"] < 10
    assert report(tmp_path / "readings", 0)["values"][0]["number"] is None  # infinite


@pytest.mark.parametrize(
    ("before", "now", "count"),
    [
        ({"study": "1.2.3"}, {"study": "1.2.4"}, 1),
        ({"study": "", "patient": "P1"}, {"study": "", "patient": "P1"}, 2),
        ({"study": "", "patient": "P1"}, {"study": "", "patient": "P2"}, 1),
        ({"study": ""}, {"study": ""}, 1),
    ],
    ids=["another study", "a patient's day", "another patient", "nobody is named"],
)
def test_positions_count_that_are_of_the_same_study(
    before: dict[str, str], now: dict[str, str], count: int, tmp_path: Path
) -> None:
    streamed(0, tmp_path, study=before["study"], patient=before.get("patient", ""))

    notice = streamed(1, tmp_path, study=now["study"], patient=now.get("patient", ""))

    assert f" of {count} (flagged)" in notice.text


def test_scans_of_one_name_are_positions_of_their_own(tmp_path: Path) -> None:
    """In a notebook and in a pipe every scan has the same one."""
    streamed(0, tmp_path, session="notebook")

    assert " of 2 (flagged)" in streamed(1, tmp_path, session="notebook").text


def test_a_scan_that_is_sent_again_is_no_other_position(tmp_path: Path) -> None:
    streamed(0, tmp_path, session="first")
    streamed(1, tmp_path, session="second")

    assert " of 2 (flagged)" in streamed(1, tmp_path, session="third").text


def test_without_a_brain_nothing_is_kept(tmp_path: Path) -> None:
    notice = streamed(0, tmp_path, is_brain=False)

    assert "orientations refused; no brain was recognised" in notice.text
    assert not (tmp_path / "positions").exists()


def test_a_replay_without_storage_tells_of_its_own_position(tmp_path: Path) -> None:
    streamed(0, None, tmp_path)

    assert report(tmp_path, 0)["outcome"] == "flagged"
