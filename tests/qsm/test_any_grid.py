"""The same map on every grid; what is broken is refused or told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from closed_forms import AXIAL, ball, spheres
from scipy.spatial.transform import Rotation

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.inversion.closed_form import invert_tkd
from streamrecon.qsm.inversion.total_variation import invert_tv
from streamrecon.qsm.pipeline import susceptibility

Inversion = Callable[[np.ndarray, np.ndarray, Geometry], np.ndarray]

CENTRES = ((9, 3, 4), (-9, -6, -5), (2, 14, -9))
LEVELS = (0.3, -0.2, 0.15)
NUCLEI = [(centre, 6.5, level) for centre, level in zip(CENTRES, LEVELS, strict=True)]


def head(grid: Geometry) -> np.ndarray:
    return ball(grid, (0, 0, 0), 22)


def tkd(field: np.ndarray, mask: np.ndarray, grid: Geometry) -> np.ndarray:
    return invert_tkd(field, mask, grid)


def tv(field: np.ndarray, mask: np.ndarray, grid: Geometry) -> np.ndarray:
    return invert_tv(field, mask, grid, strength=3e-5).unknown


def slope_and_error(invert: Inversion, grid: Geometry) -> tuple[float, float]:
    (chi, field), mask = spheres(grid, *NUCLEI), head(grid)
    found = invert(field, np.ones(grid.shape, bool), grid)
    means = [found[mask & (chi == level)].mean() for level in (0.0, *LEVELS)]
    slope, base = np.polyfit((0.0, *LEVELS), means, 1)
    return slope, np.std(means - slope * np.array((0.0, *LEVELS)) - base)


@pytest.mark.parametrize(
    ("invert", "most"),
    [(tkd, 0.03), (tv, 0.02)],  # of small spheres; the streaks of TKD turn with B0
    ids=["tkd", "tv"],
)
def test_a_tilted_slab_gives_the_map_of_a_straight_one(invert: Inversion, most: float) -> None:
    grids = [
        Geometry(
            (48, 48, 48),
            (1.2, 1.2, 1.2),
            AXIAL @ Rotation.from_euler("x", t, degrees=True).as_matrix(),
        )
        for t in (0, 15, 30, 45)
    ]

    slopes, errors = zip(*[slope_and_error(invert, grid) for grid in grids], strict=True)

    assert max(slopes) - min(slopes) < most
    assert max(errors) - min(errors) < most / 10


@pytest.mark.parametrize("invert", [tkd, tv])
def test_voxels_twice_as_thick_give_the_same_susceptibility(invert: Inversion) -> None:
    isotropic = Geometry((48, 48, 48), (1.2, 1.2, 1.2), AXIAL)
    thick = Geometry((24, 48, 48), (2.4, 1.2, 1.2), AXIAL)

    slopes = [slope_and_error(invert, grid)[0] for grid in (isotropic, thick)]

    assert slopes[1] == pytest.approx(slopes[0], abs=0.03)


def test_a_calcification_moves_no_nucleus_beyond_10_mm() -> None:
    grid = Geometry((48, 50, 52), (1.2, 1.2, 1.2), AXIAL)
    (chi, field), mask = spheres(grid, *NUCLEI), head(grid)
    _, of_stone = spheres(grid, ((-6, 12, 12), 2.6, -3.0))

    with_stone, without = (
        invert_tv(f, np.ones(grid.shape, bool), grid, strength=3e-5).unknown
        for f in (field + of_stone, field)
    )

    for level in LEVELS:
        here = mask & (chi == level)
        assert abs((with_stone - without)[here].mean()) < 0.002


TE_S = (0.004, 0.009, 0.016)


def echoes(te_s: tuple[float, ...] = TE_S) -> tuple[Geometry, np.ndarray, np.ndarray, np.ndarray]:
    grid = Geometry((26, 40, 38), (2.5, 2.0, 2.0), AXIAL)
    chi, field = spheres(grid, *NUCLEI)
    mask = ball(grid, (0, 0, 0), 30)
    te = np.array(te_s)[:, None, None, None]
    phase = 2 * np.pi * 127.732 * field * te
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, *phase.shape)) * 0.01
    return grid, chi, mask, (mask * np.exp(1j * phase - 20 * te) + noise[0] + 1j * noise[1])


def contrast(found: np.ndarray, chi: np.ndarray) -> float:
    return float(found[chi == 0.3].mean() - found[chi == -0.2].mean())


def test_echoes_of_unequal_spacing_are_told_by_their_times() -> None:
    grid, chi, mask, data = echoes()

    found = susceptibility(data.astype(np.complex64), TE_S, 3.0, grid, mask=mask)

    assert contrast(found.map.chi_ppm, chi) == pytest.approx(0.5, abs=0.04)


def test_voxels_that_are_not_finite_stay_out_of_the_map() -> None:
    grid, chi, mask, data = echoes()
    data[1, 12, 18:22, 4:7] = np.nan

    found = susceptibility(data.astype(np.complex64), TE_S, 3.0, grid, mask=mask)

    assert np.isfinite(found.map.chi_ppm).all()
    assert not found.mask[12, 18:22, 4:7].any()
    assert contrast(found.map.chi_ppm, chi) == pytest.approx(0.5, abs=0.04)


def test_an_echo_that_is_missing_is_refused() -> None:
    grid, _, mask, data = echoes()

    with pytest.raises(ReconError, match="3 echo times"):
        susceptibility(data[:2].astype(np.complex64), TE_S, 3.0, grid, mask=mask)
