"""Masks where there is signal: a robust threshold on a magnitude, closed into a solid head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, uniform_filter

from streamrecon.errors import ReconError

_SAMPLES = 200_000  # quantiles of a part are those of the whole


def signal_mask(magnitude: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Voxels with signal [Z, Y, X], without specks and without holes.

    The threshold is the larger of five times the noise (mean of the darkest 15 %) and a fifth of
    the tissue (mean between the 80th and 99th percentile). A magnitude without any air, as after
    masking or in a crop, has no noise floor: the second rule alone then counts.

    Raises
    ------
    ReconError
        If the magnitude has no voxel above zero.
    """
    image = np.nan_to_num(np.asarray(magnitude, np.float32))
    sample = np.sort(image.ravel()[:: max(1, image.size // _SAMPLES)])
    if not sample[-1] > 0:
        raise ReconError("magnitude: found no voxel above zero, needed an image")
    threshold = _threshold(sample)
    solid = uniform_filter((image > threshold).astype(np.float32), 5, mode="nearest") > 0.4
    solid = binary_fill_holes(solid)
    for _ in range(2):
        solid = uniform_filter(solid.astype(np.float32), 3, mode="nearest") > 0.6
    return np.asarray(solid, np.bool_)


def _threshold(ordered: NDArray[np.float32]) -> float:
    n = ordered.size
    tissue = float(ordered[int(0.8 * n) : max(int(0.99 * n), int(0.8 * n) + 1)].mean())
    for fraction in (0.15, 0.05):
        noise = float(ordered[: max(1, int(fraction * n))].mean())
        if noise <= tissue / 10:
            return max(5 * noise, tissue / 5)
    return tissue / 5
