"""Compiled loops of the susceptibility stages; the front doors check and explain."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Real = NDArray[np.float32]
Double = NDArray[np.float64]


@njit(cache=True, parallel=True)
def voxel_dipole(along: Double, squared: Double, share: Double, out: Real) -> None:
    """Dipole weighted over two aliases on every axis.

    ``along[axis, alias, index]`` is b·k, ``squared`` k², ``share`` the weight; ``out`` [Z, Y, X].
    """
    nz, ny, nx = out.shape
    for z in prange(nz):
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
    out[0, 0, 0] = 0.0
