"""Two passes about a strong source: its own amplitude, and the tissue around it."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import field_from_chi
from streamrecon.qsm.inversion.total_variation import invert_tv
from streamrecon.qsm.inversion.two_pass import invert_twice

GRID = Geometry((35, 41, 43), (1.6, 1.3, 1.2), ORIENTATIONS["doubly_oblique"])
EVERYWHERE = np.ones(GRID.shape, bool)


def head(strong_ppm):
    """Two nuclei and a strong source 9 mm from one of them; what is strong, what is near it."""
    r = positions_mm(GRID)

    def away(*centre):
        return np.linalg.norm(r - np.array(centre)[:, None, None, None], axis=0)

    chi = 0.2 * (away(9, 3, 4) < 6) - 0.1 * (away(-9, -6, -5) < 6)
    spot = away(-1, 12, 10) < 3
    chi[spot] = strong_ppm
    return chi, spot, (away(-1, 12, 10) < 12) & ~(away(-1, 12, 10) < 5)


def solve(field):
    return invert_tv(field, EVERYWHERE, GRID, strength=1e-3)


@pytest.mark.parametrize("strong_ppm", [3.0, -3.0], ids=["bleed", "calcification"])
def test_two_passes_bring_a_strong_source_nearer_to_its_size(strong_ppm):
    chi, spot, near = head(strong_ppm)
    field = field_from_chi(chi, GRID)
    kept = field.copy()

    found, count = invert_twice(solve, field, EVERYWHERE, GRID)

    one = solve(field).unknown
    core = [abs(values[spot].mean() - strong_ppm) for values in (found.unknown, one)]
    assert core[0] < core[1]
    assert found.unknown[spot].mean() / strong_ppm == pytest.approx(1, abs=0.05)
    assert (found.unknown - chi)[near].std() < (one - chi)[near].std()
    assert 0 < count <= 2 * spot.sum()
    np.testing.assert_array_equal(field, kept)


@pytest.mark.parametrize("strong_ppm", [3.0, -3.0], ids=["bleed", "calcification"])
def test_two_passes_keep_the_slope_of_the_nuclei(strong_ppm):
    chi, _, _ = head(strong_ppm)

    found, _ = invert_twice(solve, field_from_chi(chi, GRID), EVERYWHERE, GRID)

    levels = (0.2, 0.0, -0.1)
    means = [found.unknown[chi == level].mean() for level in levels]
    one = solve(field_from_chi(chi, GRID)).unknown
    before = np.polyfit(levels, [one[chi == level].mean() for level in levels], 1)[0]
    # the strength of a noisy scan; the spheres are small
    assert np.polyfit(levels, means, 1)[0] == pytest.approx(before, abs=0.02)


def test_without_a_strong_source_there_is_one_pass():
    chi, _, _ = head(0.3)
    field = field_from_chi(chi, GRID)

    found, count = invert_twice(solve, field, EVERYWHERE, GRID)

    assert count == 0
    np.testing.assert_array_equal(found.unknown, solve(field).unknown)
