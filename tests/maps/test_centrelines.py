"""Centre-lines of drawn tubes: topology, place, radius, angle."""

from __future__ import annotations

import io

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.spatial.transform import Rotation

from streamrecon.maps.centrelines import centre_line, trace_veins
from streamrecon.model.geometry import Geometry

AXIAL = np.eye(3)[::-1]
CORNERS = np.ones((3, 3, 3))


def tube(grid: Geometry, direction_lps: np.ndarray, radius_mm: float, half_mm: float) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"))
    place = np.einsum("ij,j...->i...", grid.affine_lps()[:3, :3], index)
    place += grid.affine_lps()[:3, 3, None, None, None]
    along = np.tensordot(direction_lps, place, 1)
    beside = np.linalg.norm(place - direction_lps[:, None, None, None] * along, axis=0)
    return np.asarray((beside <= radius_mm) & (abs(along) <= half_mm))


@pytest.mark.parametrize("angle_deg", [0.0, 35.0, 62.0, 90.0])
@pytest.mark.parametrize("left_handed", [False, True])
def test_a_tube_has_its_radius_place_and_angle_to_b0(angle_deg: float, left_handed: bool) -> None:
    """On an oblique anisotropic grid: the angle is that to the patient's S axis."""
    axes = AXIAL @ Rotation.from_euler("xyz", [20, -15, 10], degrees=True).as_matrix()
    if left_handed:
        axes = np.diag([-1.0, 1, 1]) @ axes
    grid = Geometry((45, 55, 60), (0.9, 0.7, 0.7), axes)
    angle = np.radians(angle_deg)
    direction = np.array([np.sin(angle) * 0.6, np.sin(angle) * 0.8, np.cos(angle)])
    solid = tube(grid, direction, radius_mm=2.0, half_mm=14.0)

    lines = trace_veins(solid, np.full(grid.shape, 0.3), grid)

    along = lines.position_lps_mm @ direction
    off_axis = np.linalg.norm(lines.position_lps_mm - np.outer(along, direction), axis=1)
    assert off_axis[abs(along) < 11].max() < 1.2  # a voxel's diagonal; ends lean to a corner
    assert abs(np.degrees(np.median(lines.angle_rad)) - angle_deg) < 6
    assert abs(np.median(lines.radius_mm) / 2.0 - 1) < 0.07
    assert 20 < lines.length_mm.sum() < 32  # ends lose about a radius, steps are not straight
    np.testing.assert_allclose(lines.chi_ppm, 0.3)


def test_thinning_keeps_pieces_and_loops() -> None:
    solid = np.zeros((9, 40, 40), bool)
    solid[3:6, 5:35, 5:35] = True
    solid[3:6, 10:30, 10:30] = False  # a ring
    solid[2:7, 18:22, 18:22] = True  # a piece inside it
    solid[4, 0, 0] = True  # a single voxel at the corner of the grid

    line = centre_line(solid, (1.0, 1.0, 1.0))

    assert label(line, CORNERS)[1] == label(solid, CORNERS)[1] == 3
    assert not (line & ~solid).any()
    ring = line[:, 5:35, 5:35]
    assert label(~ring[2:7].any(axis=0))[1] >= 2  # the hole is still a hole
    assert line.sum() < 0.1 * solid.sum()


def test_a_fork_ends_three_pieces() -> None:
    grid = Geometry((7, 41, 41), (1.0, 1.0, 1.0), AXIAL)
    solid = np.zeros(grid.shape, bool)
    solid[3, 20, 2:20] = solid[3, 2:39, 20] = True

    lines = trace_veins(solid, np.zeros(grid.shape), grid)

    assert set(lines.vein.tolist()) == {1, 2, 3}
    assert sorted(lines.length_mm.round().tolist()) == pytest.approx([16, 16, 16], abs=1)


def test_the_table_reads_back() -> None:
    grid = Geometry((7, 9, 30), (1.0, 1.0, 1.0), AXIAL, (100.0, -20.0, 5.0))
    solid = np.zeros(grid.shape, bool)
    solid[2:5, 3:6, 4:26] = True

    lines = trace_veins(solid, np.full(grid.shape, 0.25), grid)
    table = np.genfromtxt(io.StringIO(lines.as_csv()), delimiter=",", names=True)

    np.testing.assert_allclose(table["left_mm"], lines.position_lps_mm[:, 0], atol=0.01)
    np.testing.assert_allclose(np.median(table["angle_to_b0_deg"]), 90.0, atol=1)
    np.testing.assert_allclose(table["chi_ppm"], 0.25)


def test_no_veins_give_an_empty_table() -> None:
    grid = Geometry((4, 5, 6), (1.0, 1.0, 1.0), AXIAL)

    lines = trace_veins(np.zeros(grid.shape, bool), np.zeros(grid.shape), grid)

    assert lines.as_csv().count("\n") == 1
    assert lines.length_mm.size == 0
