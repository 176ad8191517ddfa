"""Compiled loop that carries values to a grid twice as fine, over ``first … last``."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Real = NDArray[np.float32]


@njit(cache=True, inline="always")
def beside(index: int, on_edges: bool, length: int) -> tuple[int, int, float]:
    """Coarse index nearest to a fine one, the next nearest, and the weight of the latter."""
    near = index >> 1
    if on_edges:
        return near, (near - 1) % length, 0.0 if index & 1 else 0.5
    return near, (near + 1 if index & 1 else near - 1) % length, 0.25


@njit(cache=True, nogil=True, fastmath=True)
def double(coarse: Real, edges: int, out: Real, first: int, last: int) -> None:
    """Linear interpolation, periodic: ``out`` [2Z, 2Y, 2X] of ``coarse`` [Z, Y, X].

    Values sit in the middle of voxels; along the axis ``edges`` (3: none) between one voxel and
    the next.
    """
    nz, ny, nx = coarse.shape
    row = np.empty(nx + 2, np.float32)
    for z in range(first, last):
        z_near, z_far, wz = beside(z, edges == 0, nz)
        for y in range(2 * ny):
            y_near, y_far, wy = beside(y, edges == 1, ny)
            a, b = np.float32((1 - wz) * (1 - wy)), np.float32((1 - wz) * wy)
            c, d = np.float32(wz * (1 - wy)), np.float32(wz * wy)
            for x in range(nx):
                row[x + 1] = (
                    a * coarse[z_near, y_near, x]
                    + b * coarse[z_near, y_far, x]
                    + c * coarse[z_far, y_near, x]
                    + d * coarse[z_far, y_far, x]
                )
            row[0], row[nx + 1] = row[nx], row[1]
            if edges == 2:
                for x in range(nx):
                    out[z, y, 2 * x] = np.float32(0.5) * (row[x] + row[x + 1])
                    out[z, y, 2 * x + 1] = row[x + 1]
            else:
                for x in range(nx):
                    here = np.float32(0.75) * row[x + 1]
                    out[z, y, 2 * x] = here + np.float32(0.25) * row[x]
                    out[z, y, 2 * x + 1] = here + np.float32(0.25) * row[x + 2]
