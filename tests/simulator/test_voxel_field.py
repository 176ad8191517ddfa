"""The field of voxels against closed forms."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from streamrecon_simulator.phantoms.field import unit_field
from streamrecon_simulator.phantoms.shapes import Ellipsoid, Sphere
from streamrecon_simulator.whole_head.dipole import field_of_voxels, waves_of_field

SHAPE = (45, 40, 37)
CENTRE_LPS_MM = (17.3, 19.1, 22.4)


def _points() -> np.ndarray:
    z, y, x = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]].astype(float)
    return np.stack([x, y, z])


def _rasterised(semi_axes_mm: tuple[float, float, float]) -> np.ndarray:
    """Share of each voxel of 1 mm that an ellipsoid fills, from 4 × 4 × 4 points."""
    within = (np.arange(4) + 0.5) / 4 - 0.5
    share = np.zeros(SHAPE, np.float32)
    for z in within:
        for y in within:
            for x in within:
                away = _points() + np.reshape((x, y, z), (3, 1, 1, 1))
                away -= np.reshape(CENTRE_LPS_MM, (3, 1, 1, 1))
                share += (np.square(away / np.reshape(semi_axes_mm, (3, 1, 1, 1))).sum(0) <= 1) / 64
    return share


@pytest.mark.parametrize("chi_ppm", [1.0, -2.5])
def test_field_of_a_rasterised_sphere_is_that_of_the_sphere(chi_ppm: float) -> None:
    share = _rasterised((7.0, 7.0, 7.0))
    expected = chi_ppm * unit_field(Sphere(CENTRE_LPS_MM, 7.0), _points())

    field = field_of_voxels(np.float32(chi_ppm) * share, padding=(50, 50, 50))

    away = np.linalg.norm(_points() - np.reshape(CENTRE_LPS_MM, (3, 1, 1, 1)), axis=0)
    beyond, inside = away > 9, away < 5  # 2 mm from a surface that voxels can only approximate
    # copies of the sphere 90 mm away add 2 (7/90)^3 ≈ 0.1 % of χ each
    np.testing.assert_allclose(field[beyond], expected[beyond], atol=0.006 * abs(chi_ppm))
    np.testing.assert_allclose(field[inside], 0, atol=0.006 * abs(chi_ppm))
    assert np.abs(field[beyond] - expected[beyond]).std() < 0.02 * np.abs(expected[beyond]).std()


def test_field_of_a_sphere_follows_b0_wherever_that_points() -> None:
    about_l, about_p = np.radians(50), np.radians(-35)
    b0_lps = np.array([
        np.cos(about_l) * np.sin(about_p), -np.sin(about_l), np.cos(about_l) * np.cos(about_p)
    ])  # fmt: skip
    away = _points() - np.reshape(CENTRE_LPS_MM, (3, 1, 1, 1))
    r = np.linalg.norm(away, axis=0)
    outside = r > 9
    along = np.tensordot(b0_lps, away, axes=1)[outside] / r[outside]
    expected = (7.0 / r[outside]) ** 3 * (3 * along**2 - 1) / 3

    left, posterior, superior = b0_lps.tolist()
    field = field_of_voxels(
        _rasterised((7.0, 7.0, 7.0)), padding=(50, 50, 50), b0=(superior, posterior, left)
    )

    np.testing.assert_allclose(field[outside], expected, atol=0.006)
    assert (field[outside] - expected).std() < 0.02 * expected.std()
    assert abs(float(field[round(CENTRE_LPS_MM[2]), 19, 17])) < 0.006


def test_field_of_a_flat_ellipsoid_is_that_of_the_ellipsoid_inside() -> None:
    semi_axes_mm = (10.0, 9.0, 4.0)
    at_centre = np.reshape(CENTRE_LPS_MM, (3, 1))
    expected = unit_field(Ellipsoid(CENTRE_LPS_MM, semi_axes_mm), at_centre)[0]

    field = field_of_voxels(_rasterised(semi_axes_mm), padding=(50, 50, 50))

    assert expected < -0.2
    x, y, z = (round(mm) for mm in CENTRE_LPS_MM)
    assert field[z, y, x] == pytest.approx(expected, abs=0.006)


def test_lowest_plane_goes_on_where_it_is_said_to() -> None:
    neck = np.zeros((24, 15, 17), np.float32)
    neck[:, 4:11, 5:12] = 1.0

    cut = field_of_voxels(neck, padding=(40, 40, 40))
    continued = field_of_voxels(neck, padding=(40, 40, 40), continued=True)

    # a long rod along B0 has +1/3 inside; where it is cut off, half of it is missing
    assert continued[2, 7, 8] == pytest.approx(1 / 3, abs=0.04)
    assert cut[2, 7, 8] < continued[2, 7, 8] - 0.04


@pytest.mark.parametrize("chi_ppm", [1.0, -2.5])
def test_waves_of_the_field_of_a_sphere_are_those_of_the_sphere(chi_ppm: float) -> None:
    """Behind a filter that takes the ringing of its edge away."""
    share = np.float32(chi_ppm) * _rasterised((7.0, 7.0, 7.0))
    closed = chi_ppm * unit_field(Sphere(CENTRE_LPS_MM, 7.0), _points())

    waves = waves_of_field(share, padding=(50, 50, 50), along=(np.ones_like,) * 3)
    halved = waves_of_field(
        share,
        padding=(50, 50, 50),
        along=(np.ones_like, lambda k: np.full_like(k, 0.5), np.ones_like),
    )

    found, expected = (gaussian_filter(each, 2.0) for each in (waves, closed))
    slope, _ = np.polyfit(expected.ravel(), found.ravel(), 1)
    assert slope == pytest.approx(1, abs=0.01)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()  # steps of 1 mm
    np.testing.assert_allclose(halved, waves / 2, atol=1e-6)
