"""Downsamples images to the middle of their k-space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.fourier import fft, ifft
from streamrecon.model.geometry import Geometry

Complex = NDArray[np.complex64]


def downsampled(
    echoes: Complex, geometry: Geometry, resolution_mm: float
) -> tuple[Complex, Geometry]:
    """Echoes on a grid whose voxels are about ``resolution_mm`` along every axis, or as they were.

    The outer lines are cut off: sharp edges ring. Amplitudes stay, noise falls. One FFT of each
    echo and a small one back.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X].
    geometry
        Their grid.
    resolution_mm
        Largest voxel wanted [mm]; axes whose voxels are larger stay.

    Returns
    -------
    The echoes [E, z, y, x] and their grid: the same field of view, voxel ``n // 2`` in its place.
    """
    fov_mm = [n * mm for n, mm in zip(geometry.shape, geometry.voxel_mm, strict=True)]
    counts = [
        min(n, int(np.ceil(fov / resolution_mm)))
        for n, fov in zip(geometry.shape, fov_mm, strict=True)
    ]
    axes = [1 + axis for axis in range(3) if counts[axis] < geometry.shape[axis]]
    if not axes:
        return echoes, geometry
    middle = tuple(
        slice(n // 2 - count // 2, n // 2 - count // 2 + count)
        for n, count in zip(geometry.shape, counts, strict=True)
    )
    scale = np.float32(np.sqrt(np.prod(counts) / np.prod(geometry.shape)))
    small = np.stack([ifft(fft(echo[None], axes)[0][middle][None], axes)[0] for echo in echoes])
    z, y, x = (fov / count for fov, count in zip(fov_mm, counts, strict=True))
    grid = replace(geometry, shape=(counts[0], counts[1], counts[2]), voxel_mm=(z, y, x))
    return np.asarray(small * scale, np.complex64), grid
