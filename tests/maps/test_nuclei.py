"""Nuclei against veins: shapes of closed form on a map with noise, at any voxel and angle."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from streamrecon_simulator.phantoms.shapes import Ellipsoid, Tube, contains
from streamrecon_simulator.phantoms.vein_tree import vein_tree

from streamrecon.maps.nuclei import find_nuclei, shapes
from streamrecon.maps.veins import find_veins
from streamrecon.model.geometry import Geometry

VOXELS = ((1.0, 1.0, 1.0), (1.3, 0.8, 0.9))
NUCLEI = {  # half axes of the deep nuclei of a head, and their iron
    "pallidum": (Ellipsoid((-14.0, 5.0, -4.0), (3.0, 7.0, 5.0)), 0.17),
    "substantia nigra": (Ellipsoid((8.0, -4.0, -15.0), (2.6, 5.0, 3.2)), 0.15),
    "red nucleus": (Ellipsoid((-5.0, -9.0, -13.0), (3.0, 3.0, 3.0)), 0.14),
    "dentate": (Ellipsoid((11.0, -14.0, 12.0), (5.0, 3.6, 3.2)), 0.20),
}
WIDE = Tube((-20.0, 16.0, 14.0), (18.0, 20.0, 10.0), 2.6)  # as thick as a nucleus, and long
BESIDE = Tube((-18.0, -8.0, -4.0), (-18.6, 18.0, -4.0), 1.0)  # along the pallidum's side
VEIN_PPM, NOISE_PPM = 0.35, 0.01

Scene = tuple[Geometry, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@cache
def scene(voxel_mm: tuple[float, float, float]) -> Scene:
    """Grid, ball, χ, and the share of each voxel that is vein or nucleus."""
    nz, ny, nx = (2 * round(32 / mm) + 1 for mm in voxel_mm)
    grid = Geometry((nz, ny, nx), voxel_mm, np.eye(3)[::-1])
    axes = [(np.arange(2 * n) + 0.5) / 2 - 0.5 - n // 2 for n in grid.shape]
    z, y, x = np.meshgrid(*[a * mm for a, mm in zip(axes, voxel_mm, strict=True)], indexing="ij")
    points = np.stack([x, y, z])
    nucleus, vein = np.zeros(z.shape), np.zeros(z.shape, bool)
    for shape, ppm in NUCLEI.values():
        nucleus[contains(shape, points)] = ppm
    tree = vein_tree(branches=12, within_mm=26.0, radii_mm=(0.6, 1.2), tubes=2)
    for tube in (*tree, WIDE, BESIDE):
        vein |= contains(tube, points)
    vein &= nucleus == 0
    fine = np.where(vein, VEIN_PPM, nucleus)
    inside = _means(((x**2 + y**2 + z**2) < 30.0**2).astype(float)) > 0.5
    noise = NOISE_PPM * np.random.default_rng(4).standard_normal(grid.shape)
    chi = np.where(inside, _means(fine) + noise, 0)
    return grid, inside, chi, _means(1.0 * vein), _means(1.0 * (nucleus > 0))


def _means(fine: np.ndarray) -> np.ndarray:
    z, y, x = (n // 2 for n in fine.shape)
    return np.asarray(fine.reshape(z, 2, y, 2, x, 2).mean((1, 3, 5)))


@pytest.mark.parametrize("voxel_mm", VOXELS, ids=str)
def test_nuclei_are_no_veins_and_veins_beside_them_are(
    voxel_mm: tuple[float, float, float],
) -> None:
    grid, inside, chi, vein, nucleus = scene(voxel_mm)

    found = find_veins(chi, inside, grid)

    true = (vein > 0.5) & inside
    assert (found & (nucleus > 0.9)).sum() < 0.02 * (nucleus > 0.9).sum()
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.85
    beside = true & (np.abs(_places(grid)[0] + 18.3) < 1.2) & (vein > 0.9)
    assert (found & beside).sum() > 0.9 * beside.sum()


@pytest.mark.parametrize("voxel_mm", VOXELS, ids=str)
def test_a_vein_as_thick_as_a_nucleus_is_none(voxel_mm: tuple[float, float, float]) -> None:
    grid, inside, chi, vein, nucleus = scene(voxel_mm)

    found = find_nuclei(chi.astype(np.float32), inside, grid.voxel_mm)

    assert (found & (vein > 0.5)).sum() < 0.02 * (vein > 0.5).sum()
    assert (found & (nucleus > 0.9)).sum() > 0.9 * (nucleus > 0.9).sum()


TOUCHING = (  # the bright parts of the lentiform nuclei, one beside the other
    Ellipsoid((0.0, 3.0, 0.0), (3.2, 7.0, 5.0)),
    Ellipsoid((4.5, -5.0, 1.0), (3.0, 6.0, 4.0)),
)
TURN = np.arange(0, 1.6 * np.pi, np.pi / 8)
RING = [(10 * float(np.cos(angle)), 10 * float(np.sin(angle)), 0.0) for angle in TURN]
BENT = [Tube(one, other, 2.8) for one, other in pairwise(RING)]  # a vein as thick as they


@pytest.mark.parametrize("voxel_mm", VOXELS, ids=str)
def test_two_nuclei_that_touch_are_told_and_a_vein_that_bends_is_none(
    voxel_mm: tuple[float, float, float],
) -> None:
    shape = tuple(2 * round(20 / mm) + 1 for mm in voxel_mm)
    axes = [(np.arange(n) - n // 2) * mm for n, mm in zip(shape, voxel_mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    points, whole = np.stack([x, y, z]), np.ones(shape, bool)
    nuclei = np.any([contains(one, points) for one in TOUCHING], axis=0)
    vein = np.any([contains(one, points) for one in BENT], axis=0)

    found = find_nuclei((0.16 * nuclei).astype(np.float32), whole, voxel_mm)
    taken = find_nuclei((0.16 * vein).astype(np.float32), whole, voxel_mm)

    assert (found & nuclei).sum() > 0.9 * nuclei.sum()
    assert not taken.any()


def test_spreads_and_fullness_of_pieces_are_those_of_closed_forms() -> None:
    grid = np.indices((41, 51, 61)).astype(float)
    place = grid * np.array([1.0, 0.8, 0.5])[:, None, None, None] - 15.0
    ball = np.linalg.norm(place + 6, axis=0) < 7
    rod = (np.hypot(place[0] - 15, place[1] - 15) < 5) & (abs(place[2]) < 14)

    spread, filled = shapes(np.where(ball, 1, np.where(rod, 2, 0)), 2, (1.0, 0.8, 0.5))

    np.testing.assert_allclose(spread[0], 7 / np.sqrt(5), rtol=0.03)
    np.testing.assert_allclose(spread[1], [2.5, 2.5, 28 / np.sqrt(12)], rtol=0.06)  # whole voxels
    np.testing.assert_allclose(filled, [1.0, 0.93], rtol=0.04)


def test_a_map_without_anything_thick_has_no_nucleus() -> None:
    chi = np.zeros((9, 11, 13), np.float32)
    mask = np.ones(chi.shape, bool)

    assert not find_nuclei(chi, mask, (1.0, 1.0, 1.0)).any()
    chi[4, 5] = 0.3
    assert not find_nuclei(chi, mask, (1.0, 1.0, 1.0)).any()


def _places(grid: Geometry) -> np.ndarray:
    """Positions (L, P, S) of the voxels [3, Z, Y, X]."""
    index = np.indices(grid.shape).reshape(3, -1)
    affine = grid.affine_lps()
    return np.asarray((affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, *grid.shape))
