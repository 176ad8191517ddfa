"""The moment of a source from the field around it, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft
from numpy.typing import NDArray
from streamrecon_simulator.phantoms.field import unit_field
from streamrecon_simulator.phantoms.shapes import Ellipsoid, Shape, Sphere

from streamrecon.analysis.lesion.dipole_moment import Dipole, fit_dipole
from streamrecon.analysis.lesion.texture_field import TextureField
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import field_from_chi

VOXEL_MM = (1.3, 0.8, 1.0)
B0 = np.array([0.85, -0.4, 0.33]) / np.linalg.norm([0.85, -0.4, 0.33])  # oblique, along (z, y, x)
FINE = 4  # points along each edge of a voxel


def voxels(outside_mm: float, reach_mm: float = 9.0) -> NDArray[np.float64]:
    """Middles (z, y, x) of the voxels about the origin that lie in a shell [N, 3]."""
    axes = [
        np.arange(-math.ceil(reach_mm / mm), math.ceil(reach_mm / mm) + 1) * mm for mm in VOXEL_MM
    ]
    place = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    away = np.linalg.norm(place, axis=1)
    return np.asarray(place[(away > outside_mm) & (away < reach_mm)])


def voxel_means(shape: Shape, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Field of a shape with Δχ = 1 over each voxel, by the simulator's closed form."""
    within = (np.arange(FINE) + 0.5) / FINE - 0.5
    b0 = tuple(B0[::-1])
    total = np.zeros(len(place))
    for step in np.stack(np.meshgrid(within, within, within), axis=-1).reshape(-1, 3):
        points = (place + step * VOXEL_MM).T[::-1]
        total += unit_field(shape, points, b0)
    return total / FINE**3


def fitted(
    field: NDArray[np.float64],
    place: NDArray[np.float64],
    *,
    sd_ppm: float = 0.002,
    second_order: bool = False,
) -> Dipole:
    return fit_dipole(
        field, np.eye(field.size) * sd_ppm**2, place, centre_mm=(0.0, 0.0, 0.0), voxel_mm=VOXEL_MM,
        b0_axis=(float(B0[0]), float(B0[1]), float(B0[2])), reach_mm=1.5,
        second_order=second_order,
    )  # fmt: skip


@pytest.mark.parametrize("step_ppm", [0.3, -0.3, 1.5, -1.5])
@pytest.mark.parametrize("radius_mm", [0.75, 1.5, 2.5])
def test_moment_and_place_of_a_sphere_are_found_for_both_signs(
    step_ppm: float, radius_mm: float
) -> None:
    centre = (0.3, -0.25, 0.45)  # within a voxel, (z, y, x)
    place = voxels(outside_mm=radius_mm + 1.4, reach_mm=radius_mm + 4.5)
    field = step_ppm * voxel_means(Sphere(centre[::-1], radius_mm), place)
    field += 0.01 - 0.002 * place[:, 0] + 0.003 * place[:, 2]  # a linear background

    found = fitted(field, place)

    moment = step_ppm * 4 / 3 * math.pi * radius_mm**3
    assert found.moment_ppm_mm3 == pytest.approx(moment, rel=0.01)  # two points a voxel: 0.3 %
    assert np.allclose(found.centre_mm, centre, atol=0.02)
    assert found.explained > 0.999


def test_sigma_is_the_spread_of_moments_in_noise() -> None:
    place = voxels(outside_mm=2.2, reach_mm=5.0)
    clean = 0.4 * voxel_means(Sphere((0.2, 0.1, -0.3), 1.0), place)
    random = np.random.default_rng(2)

    found = [
        fitted(clean + random.normal(0, 0.004, clean.shape), place, sd_ppm=0.004) for _ in range(60)
    ]

    moments = np.array([each.moment_ppm_mm3 for each in found])
    sigmas = np.array([each.sigma_ppm_mm3 for each in found])
    assert moments.mean() == pytest.approx(0.4 * 4 / 3 * math.pi, rel=0.03)
    assert sigmas.mean() == pytest.approx(moments.std(), rel=0.3)  # 60 draws know it to 9 %


def test_the_second_order_takes_what_is_no_sphere() -> None:
    ellipsoid = Ellipsoid((0.0, 0.0, 0.0), (1.6, 2.4, 3.6))
    place = voxels(outside_mm=4.4, reach_mm=7.5)
    field = -0.8 * voxel_means(ellipsoid, place)
    moment = -0.8 * 4 / 3 * math.pi * 1.6 * 2.4 * 3.6

    plain = fitted(field, place)
    second = fitted(field, place, second_order=True)

    assert second.moment_ppm_mm3 == pytest.approx(moment, rel=0.03)
    assert 1 - second.explained < (1 - plain.explained) / 5


def test_sigma_follows_the_noise_that_is_there_and_not_the_one_that_was_told() -> None:
    place = voxels(outside_mm=2.0, reach_mm=6.0)
    field = 0.5 * voxel_means(Sphere((0.0, 0.0, 0.0), 1.0), place)
    field += np.random.default_rng(4).normal(0, 0.01, field.shape)

    small, right, large = (fitted(field, place, sd_ppm=sd) for sd in (0.002, 0.01, 0.05))

    assert small.misfit == pytest.approx(5.0, rel=0.1)
    assert large.misfit == pytest.approx(0.2, rel=0.1)
    assert small.sigma_ppm_mm3 == pytest.approx(right.sigma_ppm_mm3, rel=0.1)
    assert large.sigma_ppm_mm3 == pytest.approx(right.sigma_ppm_mm3, rel=0.1)


def test_texture_is_told_apart_from_the_source_and_is_in_sigma() -> None:
    grid = Geometry((19, 23, 21), VOXEL_MM, axes_of(B0))
    texture = TextureField(grid, 24.0, sd_ppm=0.02, length_mm=1.5)
    index = np.argwhere(np.ones(grid.shape, bool))
    place = (index - np.array(grid.shape) // 2) * VOXEL_MM
    away = np.linalg.norm(place, axis=1)
    shell = (away > 2.0) & (away < 5.5)
    clean = 0.3 * voxel_means(Sphere((0.0, 0.0, 0.0), 1.0), place[shell])
    covariance = texture.covariance(index[shell]) + np.eye(shell.sum()) * 0.002**2
    moment = 0.3 * 4 / 3 * math.pi
    found = []
    for seed in range(30):
        chi = drawn_texture(grid, seed, sd_ppm=0.02, length_mm=1.5)
        rest = field_from_chi(chi, grid).ravel()[shell]
        noise = np.random.default_rng(seed).normal(0, 0.002, rest.shape)
        found.append(
            fit_dipole(
                clean + rest + noise, covariance, place[shell], centre_mm=(0.0, 0.0, 0.0),
                voxel_mm=VOXEL_MM, b0_axis=grid.b0_axis(), reach_mm=0.5, second_order=False,
            )
        )  # fmt: skip

    moments = np.array([each.moment_ppm_mm3 for each in found])
    sigmas = np.array([each.sigma_ppm_mm3 for each in found])
    assert moments.mean() == pytest.approx(moment, rel=0.15)  # 30 draws of 20 to 30 %
    # The texture on the source itself is a moment too, and is what the covariance knows least of.
    assert 0.6 < sigmas.mean() / moments.std() < 1.6


def test_too_few_voxels_are_refused() -> None:
    place = voxels(outside_mm=2.0)[:30]

    with pytest.raises(ReconError, match="found 30 voxels around it, needed 40"):
        fitted(np.zeros(30), place)


def axes_of(b0: NDArray[np.float64]) -> NDArray[np.float64]:
    """Axes of a grid whose B0, the patient's S, has these components along z, y and x."""
    first = np.cross(b0, (0.0, 0.0, 1.0))
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(b0, first), b0], axis=1)


def drawn_texture(
    grid: Geometry, seed: int, *, sd_ppm: float, length_mm: float
) -> NDArray[np.float32]:
    """Gaussian χ whose autocorrelation falls as exp(-r/l), on a grid and its periods."""
    white = np.random.default_rng(seed).standard_normal(grid.shape)
    k = np.meshgrid(
        *[scipy.fft.fftfreq(n, mm) for n, mm in zip(grid.shape, grid.voxel_mm, strict=True)],
        indexing="ij",
    )
    gain = 1 / (1 + (2 * np.pi * length_mm) ** 2 * sum(axis**2 for axis in k))
    chi = scipy.fft.ifftn(scipy.fft.fftn(white) * gain).real
    return np.asarray((chi * sd_ppm / chi.std()).astype(np.float32))
