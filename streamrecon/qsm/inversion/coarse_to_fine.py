"""A map at once: slow parts from sparse gradients on half the grid, the rest by division.

Division alone takes what a removal of background left, or took, for susceptibility, and has no
idea of voxels without phase: the middle of a calcification came out positive. The coarse map knows
both, and division has only to add what voxels of twice the size do not show. It adds nothing in
the mask's outermost layer, where a background that was found on doubled voxels is wrong.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import PADDING, dipole_kernel, field_from_chi
from streamrecon.qsm.inversion.closed_form import invert_tkd
from streamrecon.qsm.inversion.total_variation import begin_coarsely
from streamrecon.qsm.solvers import checked_field

Real = NDArray[np.float32]

_LAYERS = 1  # voxels; a second one is no better, and thin masks lose more


def invert_coarse_to_fine(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    strength: float,
    weight: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    outside: float = 0.0,
    tissues_ppm: Real | None = None,
    threshold: float = 0.35,
    padding: float = PADDING,
) -> Real:
    r"""Susceptibility [Z, Y, X, ppm] as a coarse map and what division finds in its misfit.

    .. math:: \chi = \chi_t + \chi_c + \mathrm{TKD}(W (f - D (\chi_t + \chi_c)))

    Some eight steps of `invert_tv` in cost, fifteen with a magnitude; plain TKD where half of the
    grid is none. Noisier than TV, with the streaks of TKD at the strength of the noise: for a quick
    look, not for measurements.

    Parameters
    ----------
    field_ppm, mask, geometry, strength, magnitude, outside, padding
        As for `streamrecon.qsm.inversion.total_variation.invert_tv`.
    weight
        Trust per voxel [Z, Y, X]; more than 1 counts as 1 in the misfit.
    tissues_ppm
        χ that is known beforehand, of classes of tissue [Z, Y, X, ppm]: the coarse map is made of
        what it leaves of the field. None: nothing is.
    threshold
        As for `streamrecon.qsm.inversion.closed_form.invert_tkd`; higher, as the coarse map knows
        what varies slowly, and most of what is left is noise.

    Raises
    ------
    ReconError
        If the mask is empty, the field is not finite inside it, or the strength is not positive.
    """
    field = checked_field(field_ppm, mask, "inversion")
    if tissues_ppm is not None:
        field = (field - field_from_chi(tissues_ppm, geometry, padding=padding)) * mask
    coarse = begin_coarsely(
        field, mask, geometry, strength=strength, weight=weight, magnitude=magnitude,
        outside=outside, padding=padding,
    )  # fmt: skip
    if coarse is None:
        found = invert_tkd(field, mask, geometry, threshold=threshold, padding=padding)
    else:
        spectrum = rfftn(coarse)
        spectrum *= dipole_kernel(geometry, coarse.shape)
        missed = field - irfftn(spectrum, coarse.shape, crop=mask.shape)
        missed *= _believed(mask, weight)
        found = invert_tkd(missed, mask, geometry, threshold=threshold, padding=padding)
        found += coarse[tuple(slice(n) for n in mask.shape)] * mask
    return found if tissues_ppm is None else found + tissues_ppm


def _believed(mask: NDArray[np.bool_], weight: NDArray[np.floating] | None) -> Real:
    """How far a misfit is taken for susceptibility: up to 1, and not at all in the outer layer."""
    inner = binary_erosion(mask, iterations=_LAYERS).astype(np.float32)
    return inner if weight is None else inner * np.clip(weight, 0, 1)
