"""Whether two registered images are of one head: by what is too fine to be in every head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter

from streamrecon.model.geometry import Geometry

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

FINE_MM, COARSE_MM = 2.0, 6.0
"""Standard deviations: noise is finer, what all heads have in common is coarser."""

LEAST_LIKENESS = 0.5
"""Of two scans of one head; why, is said at `detail_likeness`."""

_LEAST_COMMON = 0.5  # of the first mask
_EDGE = 2  # voxels at the rim: the brain's outline alone is alike in any brain
_LEAST_PART = 0.1  # of a smoothed mask


def detail_likeness(first: Real, second: Real, mask: Flags, grid: Geometry) -> float:
    """Correlation of the detail of two images on one grid, inside a mask without its rim.

    Detail is the image smoothed by 2 mm less the same smoothed by 6 mm, each by what the mask has.
    Coarser things, ventricles and the shape of the brain, are in every head: with them two heads
    are alike by 0.7. By `benchmarks/bench_likeness.py` two scans of one head have 0.9, with noise
    of a fifth of the signal 0.52; two heads at most 0.43, and so have a head and itself turned by
    half or mirrored. Scans of other contrast, or one of thick slices, are less alike as well.

    Parameters
    ----------
    first, second
        Images after registration [Z, Y, X].
    mask
        Where both are known [Z, Y, X].
    grid
        Of both.
    """
    core = binary_erosion(mask, iterations=_EDGE)
    inside = core if core.any() else mask
    return correlation(*(_detail(image, mask, grid)[inside] for image in (first, second)))


def correlation(one: Real, other: Real) -> float:
    """Pearson's; 0 where one has no contrast, and of nothing."""
    if not one.size:
        return 0.0
    spread = float(one.std()) * float(other.std())
    return float(np.mean((one - one.mean()) * (other - other.mean()))) / spread if spread else 0.0


def doubts(alike: float, common: float) -> list[str]:
    """Why two scans may not be of one head, or not lie as they say.

    Parameters
    ----------
    alike
        Their `detail_likeness`.
    common
        Part of the first mask that both have.
    """
    found = []
    if alike < LEAST_LIKENESS:
        found.append(
            f"alike by {alike:.2f} alone after registration, needed {LEAST_LIKENESS}: another head "
            "or contrast, or one that lies turned by half or mirrored"
        )
    if common < _LEAST_COMMON:
        found.append(f"has {common:.0%} of the first scan's mask alone")
    return found


def _detail(image: Real, mask: Flags, grid: Geometry) -> Real:
    part, kept = mask.astype(np.float32), np.where(mask, image, np.float32(0))
    smooth, coarse = (
        gaussian_filter(kept, sigma) / np.maximum(gaussian_filter(part, sigma), _LEAST_PART)
        for sigma in ([width / mm for mm in grid.voxel_mm] for width in (FINE_MM, COARSE_MM))
    )
    return np.asarray(smooth - coarse, np.float32)
