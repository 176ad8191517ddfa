"""Laplacian boundary values: what is harmonic goes, what is inside stays but for its share."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, sphere

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background.lbv import remove_lbv

GRIDS = [
    ((31, 44, 39), (2.0, 1.5, 1.5)),  # odd and even sides
    ((12, 61, 57), (5.0, 1.0, 1.1)),  # slices five times as thick as the voxels are wide
    ((7, 40, 40), (1.2, 1.2, 1.2)),  # a slab
]


def harmonic(grid: Geometry) -> np.ndarray:
    """Shim terms up to third order, about 5 ppm at the rim; in the patient's axes."""
    x, y, z = positions_mm(grid) / 20
    return np.asarray(
        1 + 2 * x - z + x * y - 0.5 * (2 * z * z - x * x - y * y) + 0.3 * (x**3 - 3 * x * y * y)
    )


@pytest.mark.parametrize(("shape", "voxel_mm"), GRIDS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_harmonic_field_is_taken_off_exactly(
    orientation: str, shape: tuple[int, int, int], voxel_mm: tuple[float, float, float]
) -> None:
    grid = Geometry(shape, voxel_mm, ORIENTATIONS[orientation])
    mask = np.linalg.norm(positions_mm(grid), axis=0) < 25
    field = harmonic(grid)

    found = remove_lbv(field, mask, grid)

    assert abs(field[mask]).max() > 2
    assert abs(found.field_ppm).max() < 2e-5


@pytest.mark.parametrize("chi_ppm", [0.6, -0.6])
@pytest.mark.parametrize("orientation", ["axial", "doubly_oblique", "left_handed"])
def test_a_sphere_inside_stays_but_for_what_it_makes_on_the_surface(
    orientation: str, chi_ppm: float
) -> None:
    grid = Geometry((37, 52, 49), (2.0, 1.4, 1.5), ORIENTATIONS[orientation])
    _, field, distance = sphere(grid, 8.0, chi_ppm)
    rim_mm = 30.0
    mask = distance < rim_mm
    r = positions_mm(grid)
    taken = chi_ppm / 3 * (8 / rim_mm) ** 3 * (3 * r[2] ** 2 - distance**2) / rim_mm**2

    found = remove_lbv(field + harmonic(grid), mask, grid)

    beyond = found.mask & (distance > 8 + 4)  # its staircase of a surface has a field of its own
    expected, local = (field - taken)[beyond], found.field_ppm[beyond]
    assert abs(local - expected).max() < 0.02 * abs(expected).max()
    assert np.polyfit(expected, local, 1)[0] == pytest.approx(1, abs=0.02)  # voxels


def test_it_is_the_solution_of_laplaces_equation_on_a_mask_of_any_shape() -> None:
    grid = Geometry((17, 26, 23), (2.0, 1.0, 1.3), ORIENTATIONS["tilted"])
    rng = np.random.default_rng(3)
    mask = np.linalg.norm(positions_mm(grid), axis=0) < 14
    mask[8, 10:14, 9:12] = False  # a hole
    mask[0:4, 0:5, 0:5] = True  # a second piece
    field = rng.standard_normal(grid.shape)

    found = remove_lbv(field, mask, grid, tolerance=1e-6)

    background = field - found.field_ppm
    bend = np.sum(
        [
            (np.roll(background, 1, a) + np.roll(background, -1, a) - 2 * background) / side**2
            for a, side in enumerate(grid.voxel_mm)
        ],
        axis=0,
    )
    assert found.converged
    assert found.mask[1:3, 1:4, 1:4].all()
    assert abs(bend[found.mask]).max() < 1e-3
    neighbours = np.all(
        [np.roll(np.pad(mask, 1), s, a)[1:-1, 1:-1, 1:-1] for a in range(3) for s in (1, -1)],
        axis=0,
    )
    assert (found.mask == (mask & neighbours)).all()


def test_steps_do_not_grow_with_the_grid() -> None:
    steps = []
    for n in (24, 96):
        grid = Geometry((n, n, n), (48 / n,) * 3, ORIENTATIONS["axial"])
        _, field, distance = sphere(grid, 8.0, 1.0, fine=1)
        steps.append(remove_lbv(field, distance < 22, grid).iterations)

    assert steps[1] <= steps[0] + 2
    assert max(steps) < 10


def test_peeling_keeps_a_wild_rim_out() -> None:
    grid = Geometry((33, 36, 35), (1.5, 1.5, 1.5), ORIENTATIONS["axial"])
    distance = np.linalg.norm(positions_mm(grid), axis=0)
    mask = distance < 22
    field = np.where(distance > 20.5, 0.5, 0.0) * np.sign(positions_mm(grid)[0])

    wild, peeled = (remove_lbv(field, mask, grid, peel=peel) for peel in (0, 2))

    assert abs(wild.field_ppm[distance < 15]).max() > 0.2
    assert abs(peeled.field_ppm).max() < 1e-6
    assert peeled.mask.sum() < wild.mask.sum()


def test_steps_that_ran_out_are_told() -> None:
    grid = Geometry((40, 40, 40), (1.0, 1.0, 1.0), ORIENTATIONS["axial"])
    _, field, distance = sphere(grid, 6.0, 1.0)

    assert not remove_lbv(field, distance < 18, grid, iterations=1).converged
    assert remove_lbv(field, distance < 18, grid).converged


def test_a_mask_without_depth_and_a_broken_field_are_refused() -> None:
    grid = Geometry((5, 6, 7), (1.0, 1.0, 1.0), ORIENTATIONS["axial"])
    sheet = np.zeros(grid.shape, bool)
    sheet[2:4] = True

    with pytest.raises(ReconError, match="no voxel with all neighbours"):
        remove_lbv(np.zeros(grid.shape), sheet, grid)
    with pytest.raises(ReconError, match="not finite"):
        remove_lbv(np.full(grid.shape, np.nan), ~(sheet & False), grid)
