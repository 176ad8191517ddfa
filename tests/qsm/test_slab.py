"""A slab in which χ says little is told, the louder the less it says."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm

from streamrecon.model.geometry import Geometry
from streamrecon.model.notice import Level
from streamrecon.qsm.given_local_field import susceptibility_of_local_field
from streamrecon.qsm.pipeline import Quality
from streamrecon.qsm.total_field import slab_notice

AXES = ORIENTATIONS["doubly_oblique"]
AXIAL = ORIENTATIONS["axial"]


def slab(slices: int, thick_mm: float, *, axis: int = 0) -> tuple[np.ndarray, Geometry]:
    """A disc of 100 mm in voxels of 2 mm, its slices along any axis; the grid is wider than it."""
    shape, voxel_mm = [60, 60], [2.0, 2.0]
    shape.insert(axis, slices + 2)
    voxel_mm.insert(axis, thick_mm)
    (nz, ny, nx), (dz, dy, dx) = shape, voxel_mm
    grid = Geometry((nz, ny, nx), (dz, dy, dx), AXES)
    others = [n for n in range(3) if n != axis]
    away = np.linalg.norm(np.indices(shape)[others] * 2.0 - 60, axis=0)
    inside = np.moveaxis(np.array(away < 50), axis, 0)
    inside[[0, -1]] = False
    return np.moveaxis(inside, 0, axis), grid


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("slices", "thick_mm", "found"),
    [
        (1, 3.0, "found 3 mm of tissue in 1 slice, needed 10 mm in 4"),
        (1, 15.0, "found 15 mm of tissue in 1 slice, needed 10 mm in 4"),
        (3, 5.0, "found 15 mm of tissue in 3 slices, needed 10 mm in 4"),
        (6, 1.5, "found 9 mm of tissue in 6 slices, needed 10 mm in 4"),
    ],
)
def test_less_than_an_inversion_needs_is_a_warning(
    slices: int, thick_mm: float, found: str, axis: int
) -> None:
    notice = slab_notice(*slab(slices, thick_mm, axis=axis))

    assert notice is not None
    assert notice.level is Level.WARNING
    assert f"slab too thin for χ: {found}" in notice.text


@pytest.mark.parametrize(("slices", "thick_mm"), [(4, 2.5), (12, 1.0), (12, 3.2)])
def test_a_thin_slab_that_gives_a_map_is_a_message(slices: int, thick_mm: float) -> None:
    notice = slab_notice(*slab(slices, thick_mm))

    assert notice is not None
    assert notice.level is Level.INFO
    assert f"thin slab: {slices * thick_mm:.0f} mm of tissue" in notice.text


def test_a_head_is_no_slab_and_the_brain_of_a_mouse_is_not_too_thin() -> None:
    assert slab_notice(*slab(40, 2.0)) is None

    grid = Geometry((60, 60, 60), (0.15, 0.15, 0.3), AXES)  # 6 × 7.5 × 15 mm
    inside = np.linalg.norm(positions_mm(grid) / [[[[7.5]]], [[[3.7]]], [[[3.0]]]], axis=0) < 1
    notice = slab_notice(inside, grid)
    assert notice is not None
    assert notice.level is Level.INFO


def test_a_map_of_a_local_field_tells_it_too() -> None:
    grid = Geometry((3, 60, 60), (3.0, 2.0, 2.0), AXIAL)
    inside = np.zeros(grid.shape, bool)
    inside[1] = np.linalg.norm(positions_mm(grid), axis=0)[1] < 50
    field = np.random.default_rng(0).normal(0, 0.01, grid.shape)

    found = susceptibility_of_local_field(field, inside, grid, quality=Quality.FAST)

    (doubt,) = found.doubts
    assert "slab too thin for χ: found 3 mm of tissue in 1 slice" in doubt
    assert found.notices[-1] == doubt
