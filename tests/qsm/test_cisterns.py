"""Fluid around a brain of closed form, by its decay."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import AXIAL, positions_mm

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.cisterns import decay_per_s, without_cisterns

GRIDS = (
    Geometry((61, 67, 63), (2.0, 2.0, 2.0), AXIAL),
    Geometry((41, 89, 101), (3.0, 1.5, 1.3), AXIAL),
)


def away(grid: Geometry, centre: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    place = positions_mm(grid) - np.array(centre)[:, None, None, None]
    return np.asarray(np.linalg.norm(place, axis=0))


@pytest.mark.parametrize("grid", GRIDS, ids=["2 mm", "thick slices"])
@pytest.mark.parametrize("slower", [1.0, 0.3])
def test_wide_fluid_at_the_surface_goes_and_ventricles_and_sulci_stay(
    grid: Geometry, slower: float
) -> None:
    """Also where all tissue decays more slowly, as in a newborn or at a lower field."""
    brain = away(grid) < 52
    cistern = brain & (away(grid, (0, 10, -52)) < 16)
    ventricle = away(grid, (0, 0, 5)) < 12
    sulcus = brain & (np.abs(positions_mm(grid)[0]) < 0.9) & (positions_mm(grid)[2] > 40)
    decay = np.where(cistern | ventricle | sulcus, 3.0, 20.0) * slower
    decay += np.random.default_rng(1).normal(0, 4.0 * slower, grid.shape)

    found = without_cisterns(brain, decay, grid)

    assert found[brain & ~cistern].mean() > 0.99
    assert found[ventricle].all()
    assert found[sulcus & ~cistern].mean() > 0.9
    assert found[cistern].mean() < 0.2


def test_without_fluid_nothing_goes_and_the_mask_given_stays() -> None:
    grid = GRIDS[0]
    brain = away(grid) < 40
    before = brain.copy()

    assert (without_cisterns(brain, np.full(grid.shape, 20.0), grid) == brain).all()
    assert (brain == before).all()


def test_decay_is_that_of_an_exponential_and_unknown_of_one_echo() -> None:
    te_s = (0.004, 0.01, 0.022)
    echoes = 7.0 * np.exp(-np.array(te_s)[:, None, None, None] * np.full((2, 3, 4), 25.0))

    found = decay_per_s(echoes, te_s)

    assert found is not None
    np.testing.assert_allclose(found, 25.0, rtol=1e-4)
    assert decay_per_s(echoes[:1], te_s[:1]) is None
