"""Balls, a vein and texture on any grid: their field as a scan shows it, and the map one gets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from streamrecon_simulator.phantoms.field import unit_field
from streamrecon_simulator.phantoms.shapes import Shape, Sphere, Tube, contains

from streamrecon.analysis.lesion.lesion_sites import LesionMaps
from streamrecon.model.geometry import Geometry

TE_S = (0.005, 0.010, 0.020)
NOISE_PPM, B0_T = 0.002, 3.0
FINE = 2  # points along each edge of a voxel
TISSUE_PER_S, LESION_PER_S, VEIN_PER_S = 20.0, 170.0, 45.0


@dataclass(frozen=True)
class Ball:
    """Centre (z, y, x) from the middle of the grid [mm], radius [mm], step [ppm]."""

    centre_mm: tuple[float, float, float]
    radius_mm: float
    step_ppm: float

    @property
    def moment(self) -> float:
        return self.step_ppm * 4 / 3 * math.pi * self.radius_mm**3


def oblique(shape: tuple[int, int, int], voxel_mm: tuple[float, float, float]) -> Geometry:
    """A grid in which B0 lies along no axis."""
    b0 = np.array([0.85, -0.4, 0.33]) / np.linalg.norm([0.85, -0.4, 0.33])
    first = np.cross(b0, (0.0, 0.0, 1.0))
    first /= np.linalg.norm(first)
    return Geometry(shape, voxel_mm, np.stack([first, np.cross(b0, first), b0], axis=1))


def scene(
    grid: Geometry,
    balls: Sequence[Ball],
    *,
    vein_mm: float = 0.0,
    texture_ppm: float = 0.01,
    shows: float = 0.8,
    seed: int = 1,
    te_s: Sequence[float] = TE_S,
) -> LesionMaps:
    """Maps with noise; χ is smoothed by 0.4 mm and shows so much of itself, as an inversion does.

    The field is that of a line through the phases of echoes of bounded k-space, wraps undone by
    what is known. ``vein_mm`` is the radius of a vein of 0.4 ppm along the first axis, off the
    middle.
    """
    fine = _fine_points(grid)
    chi, field, lesion, vessel = np.zeros((4, *fine.shape[1:]))
    b0 = grid.b0_axis()[::-1]
    shapes: list[tuple[Shape, float]] = [
        (Sphere(ball.centre_mm[::-1], ball.radius_mm), ball.step_ppm) for ball in balls
    ]
    if vein_mm:
        half = 0.3 * grid.shape[0] * grid.voxel_mm[0]
        shapes.append((Tube((7.0, -8.0, -half), (7.0, -8.0, half), vein_mm), 0.4))
    for shape, step_ppm in shapes:
        inside = contains(shape, fine)
        chi += step_ppm * inside
        field += step_ppm * unit_field(shape, fine, b0)
        (lesion if isinstance(shape, Sphere) else vessel)[...] += inside
    decays = [
        (1 - lesion - vessel) * math.exp(-TISSUE_PER_S * te)
        + 0.6 * lesion * math.exp(-LESION_PER_S * te)
        + vessel * math.exp(-VEIN_PER_S * te)
        for te in te_s
    ]
    random = np.random.default_rng(seed)
    texture = _texture(grid, random, texture_ppm)
    seen, magnitude = _seen(field, decays, te_s, grid)
    seen += _field(texture, grid) + random.normal(0, NOISE_PPM, grid.shape)
    widths = [0.4 / mm for mm in grid.voxel_mm]
    return LesionMaps(
        chi_ppm=(shows * gaussian_filter(_voxel_means(chi, grid), widths) + texture).astype(
            np.float32
        ),
        local_field_ppm=seen.astype(np.float32),
        field_sd_ppm=np.full(grid.shape, NOISE_PPM, np.float32),
        mask=_ellipsoid(grid),
        geometry=grid,
        magnitude=magnitude.astype(np.float32),
        te_s=tuple(te_s),
        b0_t=B0_T,
    )


def _seen(
    field: NDArray[np.float64],
    decays: Sequence[NDArray[np.float64]],
    te_s: Sequence[float],
    grid: Geometry,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Field [ppm] and magnitudes [E] of the echoes that a field on the fine grid makes."""
    per_ppm = 2 * np.pi * 42.577478 * B0_T
    known = _voxel_means(field, grid)
    phase, magnitude = np.empty((2, len(te_s), *grid.shape))
    for n, (te, decay) in enumerate(zip(te_s, decays, strict=True)):
        echo = _encoded(decay * np.exp(1j * per_ppm * te * field), grid)
        phase[n] = np.angle(echo * np.exp(-1j * per_ppm * te * known)) + per_ppm * te * known
        magnitude[n] = np.abs(echo)
    weight = magnitude**2 / (magnitude**2).sum(axis=0)
    late = np.reshape(te_s, (-1, 1, 1, 1)) - np.einsum("ezyx,e->zyx", weight, np.array(te_s))
    slope = (weight * late * phase).sum(axis=0) / (weight * late**2).sum(axis=0)
    return slope / per_ppm, magnitude


def _encoded(fine: NDArray[np.complex128], grid: Geometry) -> NDArray[np.complex128]:
    """A fine image as a scan shows it that measured k-space as far as its voxels go."""
    kspace = scipy.fft.fftn(fine)
    for axis, n in enumerate(grid.shape):
        k = np.rint(scipy.fft.fftfreq(n) * n).astype(int)
        kspace = np.take(kspace, k, axis)
        to_middle = np.exp(2j * np.pi * k / n * (FINE - 1) / (2 * FINE))
        kspace *= to_middle.reshape([-1 if each == axis else 1 for each in range(3)])
    return np.asarray(scipy.fft.ifftn(kspace) / FINE**3)


def _voxel_means(fine: NDArray[np.float64], grid: Geometry) -> NDArray[np.float64]:
    nz, ny, nx = grid.shape
    return np.asarray(fine.reshape(nz, FINE, ny, FINE, nx, FINE).mean(axis=(1, 3, 5)))


def _points(grid: Geometry) -> NDArray[np.float64]:
    """Middles of the voxels (x, y, z) from the middle of the grid [3, Z, Y, X]."""
    axes = [(np.arange(n) - n // 2) * mm for n, mm in zip(grid.shape, grid.voxel_mm, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))[::-1]


def _fine_points(grid: Geometry) -> NDArray[np.float64]:
    """Points (x, y, z), so many along each edge of a voxel, from the middle of the grid [mm]."""
    axes = [
        ((np.arange(FINE * n) + 0.5) / FINE - 0.5 - n // 2) * mm
        for n, mm in zip(grid.shape, grid.voxel_mm, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"))[::-1]


def _ellipsoid(grid: Geometry) -> NDArray[np.bool_]:
    reach = [n * mm / 2 for n, mm in zip(grid.shape[::-1], grid.voxel_mm[::-1], strict=True)]
    scaled = _points(grid) / np.reshape(reach, (3, 1, 1, 1))
    return np.asarray((scaled**2).sum(axis=0) < 0.98)


def _frequencies(grid: Geometry) -> list[NDArray[np.float64]]:
    k = [scipy.fft.fftfreq(n, mm) for n, mm in zip(grid.shape, grid.voxel_mm, strict=True)]
    return list(np.meshgrid(*k, indexing="ij"))


def _texture(grid: Geometry, random: np.random.Generator, sd_ppm: float) -> NDArray[np.float64]:
    gain = 1 / (1 + (2 * np.pi * 1.5) ** 2 * sum(axis**2 for axis in _frequencies(grid)))
    chi = scipy.fft.ifftn(scipy.fft.fftn(random.standard_normal(grid.shape)) * gain).real
    return np.asarray(chi * sd_ppm / chi.std())


def _field(chi: NDArray[np.float64], grid: Geometry) -> NDArray[np.float64]:
    """By the bare dipole of a periodic grid: truth that shares nothing with the product."""
    k = _frequencies(grid)
    square = sum(axis**2 for axis in k)
    along = sum(axis * b for axis, b in zip(k, grid.b0_axis(), strict=True))
    kernel = 1 / 3 - along**2 / np.where(square > 0, square, 1)
    kernel[0, 0, 0] = 0
    return np.asarray(scipy.fft.ifftn(scipy.fft.fftn(chi) * kernel).real)
