"""Compiled loops of the susceptibility stages, over ``first … last``.

The front doors check, explain and share the work out.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Real = NDArray[np.float32]
Double = NDArray[np.float64]
Spectrum = NDArray[np.complex64]


@njit(cache=True, nogil=True)
def voxel_dipole(
    along: Double, squared: Double, share: Double, out: Real, first: int, last: int
) -> None:
    """Dipole weighted over two aliases on every axis.

    ``along[axis, alias, index]`` is b·k, ``squared`` k², ``share`` the weight; ``out`` [Z, Y, X].
    """
    _, ny, nx = out.shape
    for z in range(first, last):
        for y in range(ny):
            for x in range(nx):
                total = 0.0
                for alias in range(8):
                    i, j, k = alias >> 2, (alias >> 1) & 1, alias & 1
                    kb = along[0, i, z] + along[1, j, y] + along[2, k, x]
                    power = squared[0, i, z] + squared[1, j, y] + squared[2, k, x]
                    weight = share[0, i, z] * share[1, j, y] * share[2, k, x]
                    if power > 0.0:
                        total += weight * (1 / 3 - kb * kb / power)
                out[z, y, x] = total


@njit(cache=True, nogil=True, fastmath=True)
def shrink_gradients(
    chi: Real,
    dual: Real,
    voxel: Real,
    limit: float,
    share: Real,
    out: Real,
    first: int,
    last: int,
) -> None:
    """One step of the gradients' split: clip ``∇chi + dual`` at ``limit * share`` into ``dual``.

    ``out`` receives the shrunken gradient less the new dual. [3, Z, Y, X]; periodic, forward.
    """
    nz, ny, nx = chi.shape
    for z in range(first, last):
        below = (z + 1) % nz
        for y in range(ny):
            ahead = y + 1 if y + 1 < ny else 0
            for x in range(nx):
                right = x + 1 if x + 1 < nx else 0
                here = chi[z, y, x]
                for axis in range(3):
                    if axis == 0:
                        there = chi[below, y, x]
                    elif axis == 1:
                        there = chi[z, ahead, x]
                    else:
                        there = chi[z, y, right]
                    slope = (there - here) / voxel[axis] + dual[axis, z, y, x]
                    most = limit * share[axis, z, y, x]
                    clipped = min(max(slope, -most), most)
                    dual[axis, z, y, x] = clipped
                    out[axis, z, y, x] = slope - 2 * clipped


@njit(cache=True, nogil=True, fastmath=True)
def negative_divergence(flow: Real, voxel: Real, out: Real, first: int, last: int) -> None:
    """Adjoint of the periodic forward difference: [3, Z, Y, X] to [Z, Y, X]."""
    _, ny, nx = out.shape
    for z in range(first, last):
        for y in range(ny):
            for x in range(nx):
                out[z, y, x] = (
                    (flow[0, z - 1, y, x] - flow[0, z, y, x]) / voxel[0]
                    + (flow[1, z, y - 1, x] - flow[1, z, y, x]) / voxel[1]
                    + (flow[2, z, y, x - 1] - flow[2, z, y, x]) / voxel[2]
                )


@njit(cache=True, nogil=True, fastmath=True)
def split_data(
    model: Real, dual: Real, field: Real, weight: Real, rho: float, first: int, last: int
) -> None:
    """One step of the data's split, least squares: ``dual`` is renewed, ``model`` becomes z - u.

    Flat arrays; z minimises weight (z - field)² + rho (z - model - dual)².
    """
    for v in range(first, last):
        total = model[v] + dual[v]
        z = (weight[v] * field[v] + rho * total) / (weight[v] + rho)
        dual[v] = total - z
        model[v] = 2 * z - total


@njit(cache=True, nogil=True, fastmath=True)
def split_data_absolute(
    model: Real, dual: Real, field: Real, weight: Real, rho: float, first: int, last: int
) -> None:
    """As `split_data` for weight |z - field|: z is pulled towards the field by weight / rho."""
    for v in range(first, last):
        total = model[v] + dual[v]
        away = total - field[v]
        most = weight[v] / rho
        z = total - min(max(away, -most), most)
        dual[v] = total - z
        model[v] = 2 * z - total


@njit(cache=True, nogil=True, fastmath=True)
def mix_spectra(
    data: Spectrum,
    flow: Spectrum,
    from_data: Real,
    from_flow: Real,
    dipole: Real,
    first: int,
    last: int,
) -> None:
    """χ = a·data + b·flow goes into ``flow``, its field into ``data``; flat."""
    for k in range(first, last):
        chi = data[k] * from_data[k] + flow[k] * from_flow[k]
        flow[k] = chi
        data[k] = chi * dipole[k]


@njit(cache=True, nogil=True)
def split_phase(
    model: Real, dual: Real, phase: Real, weight: Real, rho: float, first: int, last: int
) -> None:
    """As `split_data` for weight |exp(iz) - exp(i phase)|²: five Newton steps per voxel [rad]."""
    for v in range(first, last):
        total = model[v] + dual[v]
        z = total
        for _ in range(5):
            slope = weight[v] * np.sin(z - phase[v]) + rho * (z - total)
            # the curvature of the cosine may be negative: then a step of the bound is taken
            z -= slope / (rho + weight[v] * max(np.cos(z - phase[v]), 0.0))
        dual[v] = total - z
        model[v] = 2 * z - total


@njit(cache=True, nogil=True, fastmath=True)
def split_harmonic(bend: Real, dual: Real, weight: Real, rho: float, first: int, last: int) -> None:
    """One step of the split of ∇²φ: ``dual`` is renewed, ``bend`` becomes z - u; flat.

    z minimises weight z² + rho (z - bend - dual)².
    """
    for v in range(first, last):
        total = bend[v] + dual[v]
        z = rho * total / (weight[v] + rho)
        dual[v] = total - z
        bend[v] = 2 * z - total
