"""After each tilt: the condition of the positions so far, and which tilt is still needed."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from lying_head import GRID, GRIDS, magnitude, shading, turn

from streamrecon.analysis.positions.position_reading import (
    HeadPosition,
    head_position,
    read_orientations,
    values_of_position,
)
from streamrecon.analysis.positions.registration import Motion
from streamrecon.analysis.reading import Outcome
from streamrecon.model.geometry import Geometry

TILTS: list[tuple[str, float]] = [("x", 0), ("x", 21), ("y", -19), ("x", -16)]
SHIFT = (2.0, -3.0, 1.0)


def position(rotation: np.ndarray, grid: Geometry) -> HeadPosition:
    image = magnitude(grid, rotation, SHIFT)
    return head_position(image, np.zeros_like(image), image > 0, grid)


@pytest.fixture(scope="module")
def positions() -> list[HeadPosition]:
    """Each on another grid: straight, left-handed, oblique with thin slices, straight."""
    grids = (*GRIDS, GRID)
    return [position(turn(*tilt), grid) for tilt, grid in zip(TILTS, grids, strict=True)]


def condition(tilts: list[tuple[str, float]]) -> float:
    """Of the equations for χ at directions of k-space that are drawn."""
    k = np.random.default_rng(0).normal(size=(400_000, 3))
    k /= np.linalg.norm(k, axis=1, keepdims=True)
    squares = sum((1 / 3 - (k @ turn(*tilt)[2]) ** 2) ** 2 for tilt in tilts)
    return math.sqrt(squares.max() / squares.min())


@pytest.mark.parametrize("count", [3, 4])
def test_the_condition_is_that_of_the_true_tilts(count: int, positions: list[HeadPosition]) -> None:
    reading = read_orientations(positions[:count])

    first, *others = reading.values
    assert (first.subject, first.name) == ("orientations", "condition")
    assert first.number == pytest.approx(condition(TILTS[:count]), rel=0.05)  # tilts within 1°
    tilts = [value.number for value in others if value.name == "tilt"]
    assert tilts == pytest.approx([abs(degrees) for _, degrees in TILTS[1:count]], abs=1)
    found = {(value.subject, value.name): value.number for value in others}
    about = [
        [found[f"position {n}", f"tilt_{axis}"] for axis in ("left_right", "anterior_posterior")]
        for n in range(2, count + 1)
    ]
    true = [(d, 0) if axis == "x" else (0, d) for axis, d in TILTS[1:count]]
    np.testing.assert_allclose(about, true, atol=1)
    assert reading.outcome is Outcome.GIVEN
    assert reading.reasons == ()


def test_two_positions_need_one_more_about_the_other_axis(positions: list[HeadPosition]) -> None:
    reading = read_orientations(positions[:2])

    assert reading.outcome is Outcome.FLAGGED
    (reason,) = reading.reasons
    said = re.search(r"one more at ([+-]20)° about the (\S+) axis: condition ([\d.]+)", reason)
    assert said is not None
    assert said[2] == "anterior-posterior"
    assert float(said[3]) == pytest.approx(condition([*TILTS[:2], ("y", float(said[1]))]), rel=0.05)


def test_the_first_position_needs_two_more(positions: list[HeadPosition]) -> None:
    reading = read_orientations(positions[:1])

    assert math.isinf(reading.values[0].number)
    assert "and another about the other one" in reading.reasons[0]


def test_a_slab_that_is_turned_with_the_head_says_no_more_than_one_that_is_not() -> None:
    """The same tilt, seen by a slab that lies in the magnet and by one that lies in the head."""
    rotation = turn("x", 21)
    with_head = Geometry(GRID.shape, GRID.voxel_mm, GRID.axes_lps @ rotation.T)
    first = position(np.eye(3), GRID)

    values = [
        read_orientations([first, position(rotation, grid)]).values for grid in (GRID, with_head)
    ]

    for _, tilt, *_ in values:
        assert tilt.number == pytest.approx(21, abs=1)


def test_coils_that_stay_do_not_hold_the_head_back() -> None:
    """A rim that they leave bright made these tilts 17° and 15.5°."""
    positions = []
    for tilt, grid in zip(TILTS[:3], (GRID, GRID, GRIDS[2]), strict=True):
        image = magnitude(grid, turn(*tilt), SHIFT) * shading(grid)
        positions.append(head_position(image, np.zeros_like(image), image > 0, grid))

    values = read_orientations(positions).values

    tilts = [value.number for value in values if value.name == "tilt"]
    assert tilts == pytest.approx([21, 19], abs=1)


def test_the_turn_that_is_told_is_that_which_the_advice_asks_for() -> None:
    """Both name an axis and a sign: a head that does what is asked is told to have done it."""
    for axis, name in (("x", "left_right"), ("y", "anterior_posterior")):
        matrix = np.eye(4)
        matrix[:3, :3] = turn("z", 12) @ turn(axis, -20)  # about B0 afterwards: no tilt

        values = {v.name: v.number for v in values_of_position("p", Motion(matrix, 1.0))}

        tilts = {key: number for key, number in values.items() if key.startswith("tilt")}
        expected = {"tilt": 20, "tilt_left_right": 0, "tilt_anterior_posterior": 0}
        assert tilts == pytest.approx({**expected, f"tilt_{name}": -20}, abs=1e-6)


def test_another_head_is_doubted(positions: list[HeadPosition]) -> None:
    other = positions[1]
    mirrored = HeadPosition(np.ascontiguousarray(other.image[:, ::-1]), other.geometry)

    reading = read_orientations([positions[0], mirrored, positions[2]])

    assert any(re.match(r"position 2: alike by 0\.\d+ alone", each) for each in reading.reasons)
    assert not any(each.startswith("position 3") for each in reading.reasons)


def test_a_position_has_few_voxels_at_the_same_place() -> None:
    image = magnitude(GRIDS[2], np.eye(3))

    few = head_position(image, np.zeros_like(image), image > 0, GRIDS[2])

    assert few.geometry.voxel_mm == (2.5, 3.1, 3.0)
    middle = [
        np.average(np.argwhere(each > 0), axis=0) @ grid.affine_lps()[:3, :3].T
        + grid.affine_lps()[:3, 3]
        for each, grid in ((image, GRIDS[2]), (few.image, few.geometry))
    ]
    assert middle[0] == pytest.approx(middle[1], abs=0.2)
    # Even magnitude of median 1: the blobs stay, to what half a voxel blurs.
    assert np.median(few.image[few.image != 0]) == pytest.approx(1, abs=0.05)
