"""How far noise moves a susceptibility map: measured, by inverting once more with noise added."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from streamrecon.errors import ReconError

Real = NDArray[np.float32]

_WIDTH_VOXELS = 7


def noise_of_map(
    invert: Callable[[Real], Real],
    field_ppm: NDArray[np.floating],
    sd_ppm: NDArray[np.floating],
    chi_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    seed: int = 0,
) -> Real:
    """Standard deviation that the field's noise gives χ [Z, Y, X, ppm]; 0 outside the mask.

    The root mean square, over boxes of 7 voxels, of the change that noise of ``sd_ppm`` makes:
    one inversion, whatever the method. It holds noise alone. What regularisation flattens and
    what is left of the background is not in it: χ may be wrong by more where both are strong.

    Parameters
    ----------
    invert
        The inversion as it was run: field [Z, Y, X, ppm] to χ [Z, Y, X, ppm].
    field_ppm
        The field that was inverted.
    sd_ppm
        Its standard deviation; where it is infinite no noise is added.
    chi_ppm
        The map that came out.
    mask
        Where it is known.
    seed
        Of the noise.

    Raises
    ------
    ReconError
        If the mask is empty.
    """
    if not mask.any():
        raise ReconError("uncertainty: the mask is empty")
    thrown = np.random.default_rng(seed).standard_normal(mask.shape, np.float32)
    noise = np.where(mask & np.isfinite(sd_ppm), sd_ppm, 0).astype(np.float32) * thrown
    moved = (invert(np.asarray(field_ppm, np.float32) + noise) - chi_ppm) * mask
    moved -= mask * np.float32(moved[mask].mean(dtype=np.float64))
    share = uniform_filter(mask.astype(np.float32), _WIDTH_VOXELS, mode="constant")
    power = uniform_filter(moved * moved, _WIDTH_VOXELS, mode="constant")
    sd = np.sqrt(np.maximum(power, 0) / np.maximum(share, 1e-6)) * mask
    return np.asarray(sd, np.float32)
