"""Closed forms against a plain sum of point dipoles on a cubic lattice.

The field at a lattice point that all other dipoles of the lattice make is the one with the sphere
of Lorentz taken out, inside and outside the source: no transform, no periodic neighbours.
"""

import numpy as np
import pytest
from streamrecon_simulator.phantoms.field import unit_field
from streamrecon_simulator.phantoms.shapes import Cylinder, Ellipsoid, Shape, Sphere, Tube, contains

AXIAL = (0.0, 0.0, 1.0)
OBLIQUE = (0.36, 0.48, 0.8)
# Staircase surfaces on a lattice of 0.5 mm: volumes are right to 0.5 %, near the surface worse.
STAIRCASE = 0.01


def lattice(half_mm: tuple[int, int, int], spacing_mm: float = 0.5) -> np.ndarray:
    axes = [
        np.arange(-round(h / spacing_mm), round(h / spacing_mm) + 1) * spacing_mm for h in half_mm
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)


def dipole_sum(
    shape: Shape,
    lattice_points: np.ndarray,
    points: np.ndarray,
    b0: tuple[float, float, float],
    spacing_mm: float = 0.5,
) -> np.ndarray:
    sources = lattice_points[:, contains(shape, lattice_points)]
    field = np.empty(points.shape[1])
    for i, point in enumerate(points.T):
        away = point[:, None] - sources
        square = (away**2).sum(axis=0)
        kept = square > 1e-6
        cosine = (np.array(b0) @ away[:, kept]) ** 2 / square[kept]
        field[i] = ((3 * cosine - 1) / (4 * np.pi * square[kept] ** 1.5)).sum() * spacing_mm**3
    return field


@pytest.mark.parametrize("b0", [AXIAL, OBLIQUE])
def test_sphere_is_a_sum_of_dipoles(b0: tuple[float, float, float]) -> None:
    ball = Sphere((0.0, 0.0, 0.0), 8.3)
    points = np.array([[0, 3, 0, 12, 0, 9], [0, -2, 0, 0, 14, 9], [0, 4, 13, 0, 0, 9.0]])

    found = unit_field(ball, points, b0)

    np.testing.assert_allclose(
        found, dipole_sum(ball, lattice((9, 9, 9)), points, b0), atol=STAIRCASE
    )
    assert np.abs(found).max() > 0.05


@pytest.mark.parametrize("b0", [AXIAL, OBLIQUE])
@pytest.mark.parametrize("semi_axes", [(5.2, 8.3, 11.4), (10.3, 6.2, 4.3), (7.1, 7.1, 12.2)])
def test_ellipsoid_is_a_sum_of_dipoles(
    semi_axes: tuple[float, float, float], b0: tuple[float, float, float]
) -> None:
    body = Ellipsoid((0.0, 0.0, 0.0), semi_axes)
    points = np.array([[0, 2, 0, 13, 0, 8], [0, -1, 0, 0, 14, 8], [0, 2, 14, 0, 0, -9.0]])

    found = unit_field(body, points, b0)

    np.testing.assert_allclose(
        found, dipole_sum(body, lattice((12, 12, 12)), points, b0), atol=STAIRCASE
    )
    assert np.abs(found).max() > 0.02


@pytest.mark.parametrize("b0", [AXIAL, OBLIQUE, (1.0, 0.0, 0.0)])
def test_cylinder_is_a_sum_of_dipoles(b0: tuple[float, float, float]) -> None:
    rod = Cylinder((0.0, 0.0, 0.0), (0.0, 0.0, 2.0), 5.4)
    points = np.array([[0, 2, 8, 0, 7], [0, 1, 0, 9, -7], [0, 0, 0, 0, 0.0]])
    # 20 radii of half length: the missing ends make (a/L)²/2, about 1e-3.
    sources = lattice((6, 6, 110))

    found = unit_field(rod, points, b0)

    np.testing.assert_allclose(found, dipole_sum(rod, sources, points, b0), atol=STAIRCASE)
    assert np.abs(found).max() > 0.1


@pytest.mark.parametrize("b0", [AXIAL, OBLIQUE, (1.0, 0.0, 0.0)])
def test_tube_is_a_sum_of_dipoles_away_from_its_ends(b0: tuple[float, float, float]) -> None:
    tube = Tube((0.0, 0.0, -12.0), (0.0, 0.0, 12.0), 3.2)
    points = np.array([[0, 1, 6, 0, 5, 0, 8], [0, 1, 0, 7, -5, 0, 2], [0, 3, 0, 2, 4, 20, 18.0]])
    # rounding adds four thirds of a radius to its length, of which the closed form knows nothing
    flat = Tube((0.0, 0.0, -12.0 + 2 / 3 * 3.2), (0.0, 0.0, 12.0 - 2 / 3 * 3.2), 3.2)

    found = unit_field(tube, points, b0)

    expected = dipole_sum(flat, lattice((4, 4, 16)), points, b0)
    np.testing.assert_allclose(found, expected, atol=2 * STAIRCASE)
    assert np.abs(found).max() > 0.08


def test_long_tube_is_a_cylinder() -> None:
    points = np.random.default_rng(2).uniform(-15, 15, (3, 100))
    axis = np.array([0.48, 0.6, 0.64])

    found = unit_field(Tube(tuple(-2000 * axis), tuple(2000 * axis), 4.0), points)

    cylinder = Cylinder((0.0, 0.0, 0.0), tuple(axis), 4.0)
    np.testing.assert_allclose(found, unit_field(cylinder, points), atol=1e-5)


def test_cylinder_keeps_its_field_when_all_is_turned() -> None:
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]
    points = np.random.default_rng(4).uniform(-20, 20, (3, 50))
    upright = Cylinder((1.0, 2.0, 3.0), (0.0, 0.0, 1.0), 5.0)
    turned = Cylinder(tuple(turn @ (1.0, 2.0, 3.0)), tuple(turn[:, 2]), 5.0)

    found = unit_field(turned, turn @ points, tuple(turn @ OBLIQUE))

    np.testing.assert_allclose(found, unit_field(upright, points, OBLIQUE), atol=1e-12)


def test_ellipsoid_with_equal_axes_is_a_sphere() -> None:
    points = np.random.default_rng(0).uniform(-20, 20, (3, 200))

    found = unit_field(Ellipsoid((1.0, 2.0, -3.0), (6.0, 6.0, 6.0 + 1e-9)), points)

    np.testing.assert_allclose(found, unit_field(Sphere((1.0, 2.0, -3.0), 6.0), points), atol=1e-6)


def test_long_ellipsoid_across_b0_is_a_cylinder() -> None:
    points = np.random.default_rng(1).uniform(-15, 15, (3, 100))

    found = unit_field(Ellipsoid((0.0, 0.0, 0.0), (4.0, 5000.0, 4.0)), points)

    np.testing.assert_allclose(
        found, unit_field(Cylinder((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), 4.0), points), atol=1e-5
    )


def test_paramagnetic_source_raises_the_field_on_its_axis_and_lowers_it_beside() -> None:
    points = np.array([[0.0, 10.0], [0.0, 0.0], [10.0, 0.0]])

    above, beside = unit_field(Sphere((0.0, 0.0, 0.0), 5.0), points)

    assert above == pytest.approx(2 / 3 / 8)
    assert beside == pytest.approx(-1 / 3 / 8)


def test_field_keeps_the_shape_of_the_points() -> None:
    points = np.zeros((3, 2, 5, 4)) + 9.0

    for shape in (
        Sphere((0.0, 0.0, 0.0), 1.0),
        Cylinder((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 1.0),
        Ellipsoid((0.0, 0.0, 0.0), (1.0, 2.0, 3.0)),
    ):
        assert unit_field(shape, points).shape == (2, 5, 4)
