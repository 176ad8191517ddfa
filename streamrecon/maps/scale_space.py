"""A map seen at a width in mm, and the noise of its curvature there."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.model.geometry import Triple

Real = NDArray[np.float32]

_SAMPLES = 200_000  # voxels from which noise is measured


def smoothed(values: Real, scale_mm: float, voxel_mm: Triple) -> Real:
    """Gaussian of ``scale_mm``, of which the voxel, a box, has already done a part."""
    sigma = [math.sqrt(max(scale_mm**2 - mm**2 / 12, 0.0)) / mm for mm in voxel_mm]
    return np.asarray(gaussian_filter(values, sigma, truncate=3.0), np.float32)


def curvature_noise(smooth: Real, mask: NDArray[np.bool_], voxel_mm: Triple) -> float:
    """Robust spread of the Laplacian over √3: that of a curvature along one axis.

    Parameters
    ----------
    smooth
        A map at some width [Z, Y, X], see `smoothed`.
    mask
        Where it counts; few of these voxels may be anything else than noise.
    voxel_mm
        Size of a voxel.
    """
    inner = np.zeros_like(mask)
    within = tuple(slice(1, -1) if n > 2 else slice(0) for n in mask.shape)
    inner[within] = mask[within]
    at = np.flatnonzero(inner)
    at = at[:: max(1, at.size // _SAMPLES)]
    if not at.size:
        return 0.0
    flat, step = smooth.ravel(), [mask.shape[1] * mask.shape[2], mask.shape[2], 1]
    laplacian = np.zeros(at.size, np.float32)
    for stride, mm in zip(step, voxel_mm, strict=True):
        laplacian += (flat[at - stride] + flat[at + stride] - 2 * flat[at]) / mm**2
    deviation = np.abs(laplacian - np.median(laplacian))
    return float(1.4826 * np.median(deviation)) / math.sqrt(3)
