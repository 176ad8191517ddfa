"""The field of a susceptibility on voxels: dipoles of cubes, averaged over cubes or at points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Real = NDArray[np.float64]
Strength = Callable[[Real], Real]

_WORKERS = 2  # threads of the transform: what the smallest supported machine has
_ALIASES = (-1, 0, 1)


ALONG_Z = (1.0, 0.0, 0.0)


def field_of_voxels(
    chi_ppm: NDArray[np.float32],
    *,
    padding: tuple[int, int, int],
    continued: bool = False,
    b0: tuple[float, float, float] = ALONG_Z,
) -> NDArray[np.float32]:
    r"""Relative field along B0, mean over each voxel.

    .. math:: \hat f(k) = \hat\chi(k) \sum_m D(k + m) \operatorname{sinc}^2(k + m),
        \quad D = 1/3 - (k \cdot b)^2 / |k|^2

    Every voxel is a cube of uniform χ, and the field is averaged over cubes. The sum over the
    repetitions m of the spectrum, which does so without ringing, ends at the first neighbours.
    The object repeats itself beyond the padding: its copies add a weak harmonic field.

    Parameters
    ----------
    chi_ppm
        Susceptibility on cubes [Z, Y, X, ppm].
    padding
        Voxels added behind each axis.
    continued
        Whether the lowest plane goes on below for half of the padding, as a neck does, or ends.
    b0
        Direction b of B0 (z, y, x), a unit vector.

    Returns
    -------
    Field in ppm of B0, relative to that of the uniform corner of ``chi_ppm``.

    Notes
    -----
    Two transforms of the padded grid; memory is two padded volumes.
    """

    def kernel(k_z: float, k_y: Real, k_x: Real) -> NDArray[np.float32]:
        return _kernel_plane(k_z, k_y, k_x, b0)

    below = padding[0] // 2 if continued else 0
    return _convolved(chi_ppm - chi_ppm[-1, 0, 0], padding, below, kernel)


def waves_of_field(
    chi_ppm: NDArray[np.float32],
    *,
    padding: tuple[int, int, int],
    b0: tuple[float, float, float] = ALONG_Z,
    along: tuple[Strength, Strength, Strength],
) -> NDArray[np.float32]:
    r"""Relative field along B0 of cubes of uniform χ, waves of the grid alone.

    .. math:: \hat f(k) = \hat\chi(k) D(k) \prod_i \operatorname{sinc}(k_i)\, s_i(k_i)

    What is finer than the grid is left out, not folded into it as in means over cubes: at edges of
    strong sources it rings.

    Parameters
    ----------
    chi_ppm, padding, b0
        As for `field_of_voxels`; 0 where there is nothing.
    along
        Strength s of waves along z, y, x by their cycles a voxel.

    Returns
    -------
    Field in ppm of B0 [Z, Y, X].
    """

    def kernel(k_z: float, k_y: Real, k_x: Real) -> NDArray[np.float32]:
        square = np.maximum(k_z**2 + (k_y**2)[:, None] + k_x**2, 1e-12)
        on_b0 = b0[0] * k_z + b0[1] * k_y[:, None] + b0[2] * k_x
        z, y, x = (
            np.sinc(k) * of(k) for k, of in zip((np.array(k_z), k_y, k_x), along, strict=True)
        )
        dipole = (1 / 3 - on_b0**2 / square) * (z * np.outer(y, x))
        if k_z == 0:
            dipole[0, 0] = 0.0
        return np.asarray(dipole, np.float32)

    return _convolved(chi_ppm, padding, 0, kernel)


def _convolved(
    chi_ppm: NDArray[np.float32],
    padding: tuple[int, int, int],
    below: int,
    kernel: Callable[[float, Real, Real], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Times a kernel in k-space, plane by plane; the lowest plane goes on for so many below."""
    shape = [
        scipy.fft.next_fast_len(n + more, real=True)
        for n, more in zip(chi_ppm.shape, padding, strict=True)
    ]
    padded = np.zeros(shape, np.float32)
    nz, ny, nx = chi_ppm.shape
    padded[:nz, :ny, :nx] = chi_ppm
    if below:
        padded[-below:, :ny, :nx] = padded[0, :ny, :nx]
    spectrum = scipy.fft.rfftn(padded, workers=_WORKERS, overwrite_x=True)
    del padded
    along_z, along_y = (scipy.fft.fftfreq(n) for n in shape[:2])
    along_x = scipy.fft.rfftfreq(shape[2])
    for index, k in enumerate(along_z):
        spectrum[index] *= kernel(float(k), along_y, along_x)
    field = scipy.fft.irfftn(spectrum, shape, workers=_WORKERS, overwrite_x=True)
    return np.ascontiguousarray(field[:nz, :ny, :nx])


def _kernel_plane(
    k_z: float,
    k_y: NDArray[np.float64],
    k_x: NDArray[np.float64],
    b0: tuple[float, float, float],
) -> NDArray[np.float32]:
    """Averaged dipole in one plane of the spectrum [Y, X], frequencies in cycles per voxel."""
    total = np.zeros((len(k_y), len(k_x)), np.float32)
    weight = np.zeros_like(total)
    b_z, b_y, b_x = (np.float32(along) for along in b0)
    for shift_z in _ALIASES:
        z, z_weight = np.float32(k_z + shift_z), np.sinc(k_z + shift_z) ** 2
        for shift_y in _ALIASES:
            y = (k_y + shift_y)[:, None].astype(np.float32)
            for shift_x in _ALIASES:
                x = (k_x + shift_x).astype(np.float32)
                alias_weight = (np.float32(z_weight) * np.sinc(y) ** 2) * np.sinc(x) ** 2
                square = np.maximum(z**2 + (y**2 + x**2), np.float32(1e-12))
                along = (b_z * z + b_y * y) + b_x * x
                total += alias_weight * (np.float32(1 / 3) - along**2 / square)
                weight += alias_weight
    total /= weight
    if k_z == 0:
        total[0, 0] = 0.0
    return total
