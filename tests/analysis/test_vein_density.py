"""Vein density of drawn tubes, whose length in a region is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from streamrecon.analysis.oxygen.vein_density import density_values, vein_density
from streamrecon.maps.centrelines import trace_veins
from streamrecon.model.geometry import Geometry

AXES = np.eye(3)[::-1] @ Rotation.from_euler("xyz", [20, -15, 10], degrees=True).as_matrix()
GRID = Geometry((51, 64, 60), (0.9, 0.7, 0.8), AXES, (3.0, -8.0, 11.0))


def places(grid: Geometry) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    affine = grid.affine_lps()
    return index @ affine[:3, :3].T + affine[:3, 3]


def tube(direction: np.ndarray, middle: np.ndarray, radius_mm: float, half_mm: float) -> np.ndarray:
    away = places(GRID) - middle
    along = away @ direction
    beside = np.linalg.norm(away - along[..., None] * direction, axis=-1)
    return np.asarray((beside <= radius_mm) & (abs(along) <= half_mm))


@pytest.mark.parametrize("seed", range(3))
def test_length_in_a_region_is_that_of_the_tube_inside_it(seed: int) -> None:
    """Any direction: a chain of voxels is no line, and lengths must not depend on where it goes."""
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    middle = np.array(GRID.centre_lps_mm)
    veins = tube(direction, middle, 1.3, 16.0)
    region = np.linalg.norm(places(GRID) - middle, axis=-1) <= 10.0

    found = vein_density(trace_veins(veins, 0.3 * veins, GRID), veins, region, GRID)

    assert found.length_mm == pytest.approx(20.0, rel=0.06)  # a voxel at either edge
    assert found.volume_mm3 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.01)
    assert found.per_area == pytest.approx(20 / (4 / 3 * np.pi * 1000), rel=0.07)
    assert found.fraction == pytest.approx(20 * np.pi * 1.3**2 / (4 / 3 * np.pi * 1000), rel=0.08)


def test_lengths_of_two_regions_add_up() -> None:
    middle = np.array(GRID.centre_lps_mm)
    veins = tube(np.array([0.6, 0.0, 0.8]), middle, 1.3, 14.0)
    lines = trace_veins(veins, 0.3 * veins, GRID)
    left = places(GRID)[..., 0] > middle[0] + 2
    every = np.ones(GRID.shape, bool)

    one, other, both = (vein_density(lines, veins, r, GRID) for r in (left, ~left, every))

    assert one.length_mm + other.length_mm == pytest.approx(both.length_mm)
    assert one.length_mm < other.length_mm


def test_a_region_without_veins_has_none() -> None:
    veins = np.zeros(GRID.shape, bool)
    found = vein_density(trace_veins(veins, 0.0 * veins, GRID), veins, ~veins, GRID)
    values = {v.name: v for v in density_values("brain", found)}
    assert found.length_mm == 0
    assert values["vein_length_density"].unit == "mm/mm3"
    assert values["vein_length"].number == 0
