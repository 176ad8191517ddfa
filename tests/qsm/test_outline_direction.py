"""The direction of B0 from the object's outline: three balls of water in air have a closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from streamrecon_simulator.phantoms.phantom import AIR, WATER, Part, Phantom, properties_at
from streamrecon_simulator.phantoms.shapes import Sphere
from streamrecon_simulator.truth import voxel_centres

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.outline.direction import OutlineDirection, outline_direction
from streamrecon.units import hz_per_ppm

TE_S, B0_T = (0.004, 0.0065), 3.0
SHAPE, VOXEL_MM = (31, 39, 35), (5.8, 4.8, 5.1)
BALLS = Phantom(
    tuple(
        Part(Sphere(centre, radius), WATER)
        for centre, radius in (
            ((0.0, -38.0, 6.0), 46.0), ((22.0, 48.0, 0.0), 34.0), ((-50.0, 20.0, 40.0), 26.0),
        )
    ),
    environment=AIR,
)  # fmt: skip


def tilted(about_l_deg: float, about_p_deg: float = 0.0) -> Geometry:
    """A left-handed grid, turned about L and then about P."""
    (c, d), (s, t) = (f(np.radians([about_l_deg, about_p_deg])) for f in (np.cos, np.sin))
    turn_l = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    turn_p = np.array([[d, 0, t], [0, 1, 0], [-t, 0, d]])
    axes = np.diag([1.0, -1.0, 1.0]) @ np.eye(3)[::-1]
    return Geometry(SHAPE, VOXEL_MM, axes @ (turn_p @ turn_l).T)


def echoes_on(grid: Geometry, *, sign: int = 1) -> NDArray[np.complex64]:
    """Two echoes with noise of 1/40."""
    here = properties_at(BALLS, voxel_centres(grid))
    turn = 2 * np.pi * sign * hz_per_ppm(B0_T) * here.field_ppm
    echoes = here.density * np.exp(1j * turn * np.reshape(TE_S, (2, 1, 1, 1)))
    noise = np.random.default_rng(2).normal(0, 1 / 40, (2, *echoes.shape))
    return np.asarray(echoes + noise[0] + 1j * noise[1], np.complex64)


def direction(truth: Geometry, stated: Geometry, *, sign: int = 1) -> OutlineDirection:
    """What is found where the scan lies as ``truth`` does and its header says ``stated``."""
    found = outline_direction(echoes_on(truth, sign=sign), TE_S, B0_T, stated)
    assert found is not None
    return found


@pytest.mark.parametrize("degrees", [0, 35])
def test_a_right_direction_agrees(degrees: float) -> None:
    grid = tilted(degrees, 10)

    found = direction(grid, grid)

    assert found.of_stated > 0.9 * found.of_best > 0.6
    assert found.scale == pytest.approx(0.8, abs=0.4)  # outlines that are too steep expect more


def test_the_other_sign_shows_as_a_correlation_below_zero() -> None:
    grid = tilted(20)

    assert direction(grid, grid, sign=-1).of_stated < -0.6


def test_a_wrong_direction_agrees_less_than_the_best_one() -> None:
    found = direction(tilted(35), tilted(-25))

    assert found.of_best > 0.6
    assert found.of_stated < 0.6 * found.of_best


def test_it_says_how_far_the_voxels_that_were_compared_reach() -> None:
    grid = tilted(0)
    slab = (slice(None), slice(4, 26))
    cut = outline_direction(echoes_on(grid)[slab], TE_S, B0_T, replace(grid, shape=(22, 39, 35)))

    assert cut is not None
    assert direction(grid, grid).depth_mm > 60
    assert cut.depth_mm < 22 * VOXEL_MM[0] - 2 * 40


def test_nothing_is_said_where_too_little_of_the_object_is_deep() -> None:
    grid = tilted(0)
    few = (slice(None), slice(0, 45), slice(2, 9), slice(20, 31))

    assert (
        outline_direction(echoes_on(grid)[few], TE_S, B0_T, replace(grid, shape=(31, 5, 7))) is None
    )
