"""How far noise moves a susceptibility map: measured, by inverting once more with noise added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background.pdf import COARSE_PDF, PDF
from streamrecon.qsm.dipole import PADDING, field_from_chi
from streamrecon.qsm.inversion.methods import Inversion
from streamrecon.qsm.pipeline import (
    DEFAULT_QUALITY,
    Background,
    Quality,
    invert,
    local_field,
)
from streamrecon.qsm.susceptibility_map import Susceptibility

Real = NDArray[np.float32]

_WIDTH_VOXELS = 5
_SD_PER_MEAN = np.sqrt(np.pi / 2)  # of the size of a normal error


def susceptibility_sd(
    found: Susceptibility,
    geometry: Geometry,
    *,
    quality: Quality = DEFAULT_QUALITY,
    inversion: Inversion = Inversion.PRESET,
    two_pass: bool = False,
) -> Real:
    """Standard deviation of a map by the noise of its field [Z, Y, X, ppm].

    Noise is added to the field of the map itself, not to the field that was measured: that has its
    noise already, and sparse gradients answer to more of it more than in proportion. PDF takes of
    the noise what outer sources can make, and is done to it once more; what other removals make of
    noise is left out. Costs two inversions and a PDF. See `noise_of_map` for the rest.

    Parameters
    ----------
    found
        The map, with the fields it was made of.
    geometry
        Its grid.
    quality, inversion, two_pass
        How it was made, as `streamrecon.qsm.pipeline.invert` takes them.
    """

    def moved(field_ppm: Real) -> Real:
        return once_more(own_ppm + _kept_of_noise(found, field_ppm - own_ppm, geometry, quality))

    def once_more(field_ppm: Real) -> Real:
        local = replace(found.local, field_ppm=field_ppm)
        again = invert(
            found.total, local, geometry, quality=quality, inversion=inversion, two_pass=two_pass
        )
        return again.map.chi_ppm

    known = np.where(found.mask, found.map.chi_ppm, 0)
    own_ppm = field_from_chi(known, geometry, padding=PADDING) * found.mask
    return noise_of_map(moved, own_ppm, found.total.fit.sd_ppm, once_more(own_ppm), found.mask)


def _kept_of_noise(
    found: Susceptibility, noise_ppm: Real, geometry: Geometry, quality: Quality
) -> Real:
    """What the removal of the background leaves of noise alone [Z, Y, X, ppm]."""
    if found.local.method not in (PDF, COARSE_PDF) or not np.any(noise_ppm):
        return noise_ppm
    fit = replace(found.total.fit, field_ppm=noise_ppm)
    return local_field(
        replace(found.total, fit=fit), geometry, quality=quality, background=Background.PDF
    ).field_ppm


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

    The mean size, over boxes of 5 voxels, of the change that noise of ``sd_ppm`` makes, as the
    standard deviation of a normal error: one inversion, whatever the method. Give it a field that
    holds no noise yet, see `susceptibility_sd`: so the standard map's median is 0.87 to 0.99 times
    the scatter of eight maps of a scene (three seeds); voxel for voxel it is only a guide
    (correlation 0.5).

    It holds noise alone. What regularisation flattens and what is left of the background is not in
    it: χ may be wrong by more where both are strong.

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
    fraction = uniform_filter(mask.astype(np.float32), _WIDTH_VOXELS, mode="constant")
    size = uniform_filter(np.abs(moved), _WIDTH_VOXELS, mode="constant")
    sd = np.float32(_SD_PER_MEAN) * np.maximum(size, 0) / np.maximum(fraction, 1e-6) * mask
    return np.asarray(sd, np.float32)
