"""The layer around a mask, by distances counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import AXIAL

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import with_surroundings


@pytest.mark.parametrize("distance_mm", [0.0, 2.5, 4.0])
def test_the_layer_holds_what_is_no_farther_and_goes_round_the_edges(distance_mm: float) -> None:
    voxel_mm = (3.0, 1.1, 0.9)
    grid = Geometry((5, 9, 11), voxel_mm, AXIAL)
    shape = (12, 20, 24)
    mask = np.zeros(grid.shape, np.bool_)
    mask[0, :3, 4:9] = True  # touches two faces of the grid
    mask[3, 7, 10] = True

    found = with_surroundings(mask, grid, shape, distance_mm)

    expected = np.zeros(shape, np.bool_)
    places = np.indices(shape)
    for voxel in np.argwhere(mask):
        away = [
            side * np.minimum((p - v) % n, (v - p) % n)
            for side, p, v, n in zip(voxel_mm, places, voxel, shape, strict=True)
        ]
        expected |= np.sqrt(np.square(away).sum(axis=0)) <= distance_mm
    np.testing.assert_array_equal(found, expected)
