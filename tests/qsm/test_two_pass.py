"""Two passes about a strong source: its own amplitude, and the tissue around it."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, ball, spheres

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.inversion.total_variation import invert_tv
from streamrecon.qsm.inversion.two_pass import invert_twice
from streamrecon.qsm.solvers import Solution

GRID = Geometry((35, 41, 43), (1.6, 1.3, 1.2), ORIENTATIONS["doubly_oblique"])
EVERYWHERE = np.ones(GRID.shape, bool)
NUCLEI = (((9, 3, 4), 6, 0.2), ((-9, -6, -5), 6, -0.1))


def head(
    strong_ppm: float,
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Two nuclei and a strong source 9 mm from one of them; where it is, with its rim, and near."""
    middle = (-1, 12, 10)
    chi, field = spheres(GRID, *NUCLEI, (middle, 3, strong_ppm))
    spot, rim, near = (ball(GRID, middle, radius_mm) for radius_mm in (3, 5, 12))
    return chi, field, (spot, rim), near & ~rim


def solve(field: np.ndarray) -> Solution:
    return invert_tv(field, EVERYWHERE, GRID, strength=1e-3)


@pytest.mark.parametrize("strong_ppm", [3.0, -3.0], ids=["bleed", "calcification"])
def test_two_passes_bring_a_strong_source_nearer_to_its_size(strong_ppm: float) -> None:
    chi, field, (spot, rim), near = head(strong_ppm)
    kept = field.copy()

    found, count = invert_twice(solve, field, EVERYWHERE, GRID)

    one = solve(field).unknown
    # a step within a voxel rings by a tenth; the sum with the rim, the moment, is the size
    missing = [abs((values - chi)[rim].sum()) for values in (found.unknown, one)]
    assert missing[0] < missing[1]
    assert found.unknown[spot].sum() / chi[spot].sum() == pytest.approx(1, abs=0.05)
    assert found.unknown[rim].sum() / chi[rim].sum() == pytest.approx(1, abs=0.05)
    assert (found.unknown - chi)[near].std() < (one - chi)[near].std()
    assert 0 < count <= 2 * spot.sum()
    np.testing.assert_array_equal(field, kept)


@pytest.mark.parametrize("strong_ppm", [3.0, -3.0], ids=["bleed", "calcification"])
def test_two_passes_keep_the_slope_of_the_nuclei(strong_ppm: float) -> None:
    chi, field, _, _ = head(strong_ppm)

    found, _ = invert_twice(solve, field, EVERYWHERE, GRID)

    levels = (0.2, 0.0, -0.1)
    means = [found.unknown[chi == level].mean() for level in levels]
    one = solve(field).unknown
    before = np.polyfit(levels, [one[chi == level].mean() for level in levels], 1)[0]
    # the strength of a noisy scan; the spheres are small
    assert np.polyfit(levels, means, 1)[0] == pytest.approx(before, abs=0.02)


def test_without_a_strong_source_there_is_one_pass() -> None:
    _, field, _, _ = head(0.3)

    found, count = invert_twice(solve, field, EVERYWHERE, GRID)

    assert count == 0
    np.testing.assert_array_equal(found.unknown, solve(field).unknown)
