"""Positions of one study are found again in their order, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamrecon.analysis.positions.position_reading import HeadPosition
from streamrecon.model.geometry import Geometry
from streamrecon.output.readings.kept_positions import MAX_AGE_S, KeptPositions, positions_so_far

OBLIQUE = np.array([[0.6, 0, 0.8], [0, -1.0, 0], [-0.8, 0, 0.6]])  # left-handed or not, it stays


class Clock:
    def __init__(self) -> None:
        self.now_s = 1e9

    def __call__(self) -> float:
        self.now_s += 1
        return self.now_s


def position(number: float) -> HeadPosition:
    grid = Geometry((2, 3, 4), (2.5, 3.0, 3.5), OBLIQUE, (1.0, -2.0, number))
    return HeadPosition(np.full((2, 3, 4), number, np.float32), grid)


def numbers(found: list[HeadPosition]) -> list[float]:
    return [float(each.image[0, 0, 0]) for each in found]


def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    KeptPositions(tmp_path).keep("1.2", "scan", position(5.0))

    (found,) = KeptPositions(tmp_path).of_study("1.2")

    np.testing.assert_array_equal(found.image, position(5.0).image)
    assert found.geometry.same_as(position(5.0).geometry, tolerance_mm=1e-9)


def test_those_of_a_study_come_in_their_order(tmp_path: Path) -> None:
    kept = KeptPositions(tmp_path, clock=Clock())
    for study, scan, number in (
        ("1.2", "b", 1.0), ("1.3", "a", 7.0), ("1.2", "a", 2.0), ("1.2", "c", 3.0),
    ):  # fmt: skip
        kept.keep(study, scan, position(number))

    assert numbers(kept.of_study("1.2")) == [1.0, 2.0, 3.0]
    assert numbers(kept.of_study("1.3")) == [7.0]
    assert kept.of_study("1.4") == []


def test_a_scan_that_is_made_again_takes_the_place_of_itself(tmp_path: Path) -> None:
    kept = KeptPositions(tmp_path, clock=Clock())
    for number in (1.0, 2.0):
        kept.keep("1.2", "scan", position(number))

    assert numbers(kept.of_study("1.2")) == [2.0]


def test_those_of_another_day_are_not_found(tmp_path: Path) -> None:
    clock = Clock()
    kept = KeptPositions(tmp_path, clock=clock)
    kept.keep("1.2", "a", position(1.0))
    clock.now_s += MAX_AGE_S
    kept.keep("1.2", "b", position(2.0))

    assert numbers(kept.of_study("1.2")) == [2.0]


def test_studies_of_another_day_are_removed(tmp_path: Path) -> None:
    KeptPositions(tmp_path).keep("1.2", "a", position(1.0))
    later = KeptPositions(tmp_path, clock=lambda: 1e11)

    later.keep("1.3", "a", position(2.0))

    assert len(list(tmp_path.iterdir())) == 1


def test_names_of_patients_are_nowhere_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    KeptPositions(tmp_path / "p").keep("1.2.840.4711", "doe", position(1.0))

    (file,) = (tmp_path / "p").rglob("*.npz")
    assert "4711" not in str(file.relative_to(tmp_path))
    assert "doe" not in file.name
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "p").stat().st_mode & 0o077 == 0


def test_without_a_storage_a_scan_has_its_own_position_and_that_is_told() -> None:
    found, doubt = positions_so_far(None, "1.2", "a", position(1.0))

    assert numbers(found) == [1.0]
    assert "found no storage" in doubt


def test_one_that_is_damaged_is_told_and_stops_nothing(tmp_path: Path) -> None:
    KeptPositions(tmp_path / "positions").keep("1.2", "a", position(1.0))
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(b"cut")

    found, doubt = positions_so_far(tmp_path, "1.2", "b", position(2.0))

    assert numbers(found) == [2.0]
    assert doubt == "orientations: positions: one that was kept is not readable"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "positions").write_text("a file")

    found, doubt = positions_so_far(tmp_path, "1.2", "a", position(1.0))

    assert numbers(found) == [1.0]
    assert "not writable" in doubt


@pytest.mark.parametrize("scan", ["../../x", "a/b"])
def test_no_name_leads_out_of_the_folder(scan: str, tmp_path: Path) -> None:
    KeptPositions(tmp_path / "p").keep("../..", scan, position(1.0))

    assert [path.name for path in tmp_path.iterdir()] == ["p"]
