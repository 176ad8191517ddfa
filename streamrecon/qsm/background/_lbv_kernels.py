"""Compiled loops of Poisson's equation on the voxels of a mask, over the layers ``first … last``.

Arrays are [Z, Y, X] with a margin of one voxel on every side; ``inner`` marks the unknowns, all
other voxels hold 0. ``weights`` are 1 / side² of a voxel (z, y, x).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Real = NDArray[np.float32]
Inner = NDArray[np.bool_]


@njit(nogil=True, fastmath=True)
def relax(
    unknown: Real, source: Real, inner: Inner, weights: Real, colour: int, first: int, last: int
) -> None:
    """Gauss-Seidel for -∇²u = source on the voxels of one colour of a chequerboard."""
    _, ny, nx = unknown.shape
    wz, wy, wx = weights[0], weights[1], weights[2]
    scale = np.float32(0.5) / (wz + wy + wx)
    for z in range(first + 1, last + 1):
        for y in range(1, ny - 1):
            for x in range(1 + (z + y + 1 + colour) % 2, nx - 1, 2):
                if inner[z, y, x]:
                    around = (
                        wz * (unknown[z - 1, y, x] + unknown[z + 1, y, x])
                        + wy * (unknown[z, y - 1, x] + unknown[z, y + 1, x])
                        + wx * (unknown[z, y, x - 1] + unknown[z, y, x + 1])
                    )
                    unknown[z, y, x] = (source[z, y, x] + around) * scale


@njit(nogil=True, fastmath=True)
def negative_laplacian(
    values: Real, inner: Inner, weights: Real, out: Real, first: int, last: int
) -> None:
    """-∇² of ``values`` on the inner voxels into ``out``."""
    _, ny, nx = values.shape
    wz, wy, wx = weights[0], weights[1], weights[2]
    for z in range(first + 1, last + 1):
        for y in range(1, ny - 1):
            for x in range(1, nx - 1):
                if inner[z, y, x]:
                    here = 2 * values[z, y, x]
                    out[z, y, x] = (
                        wz * (here - values[z - 1, y, x] - values[z + 1, y, x])
                        + wy * (here - values[z, y - 1, x] - values[z, y + 1, x])
                        + wx * (here - values[z, y, x - 1] - values[z, y, x + 1])
                    )
