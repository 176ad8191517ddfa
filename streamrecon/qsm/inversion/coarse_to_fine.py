"""A map at once: slow parts from sparse gradients on half the grid, the rest by division.

Division alone takes what a removal of background left, or took, for susceptibility, and has no
idea of voxels without phase: the middle of a calcification came out positive. The coarse map knows
both, and division has only to add what voxels of twice the size do not show.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import PADDING, dipole_kernel
from streamrecon.qsm.inversion.closed_form import invert_tkd
from streamrecon.qsm.inversion.total_variation import begin_coarsely
from streamrecon.qsm.solvers import checked_field

Real = NDArray[np.float32]


def invert_coarse_to_fine(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    strength: float,
    weight: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    outside: float = 0.0,
    threshold: float = 0.35,
    padding: float = PADDING,
) -> Real:
    r"""Susceptibility [Z, Y, X, ppm] as a coarse map and what division finds in its misfit.

    .. math:: \chi = \chi_c + \mathrm{TKD}(W (f - D \chi_c))

    Some eight steps of `invert_tv` in cost, fifteen with a magnitude; plain TKD where half of the
    grid is none. Noisier than TV, with the streaks of TKD at the strength of the noise: a look, not
    the number.

    Parameters
    ----------
    field_ppm, mask, geometry, strength, magnitude, outside, padding
        As for `streamrecon.qsm.inversion.total_variation.invert_tv`.
    weight
        Trust per voxel [Z, Y, X]; more than 1 counts as 1 in the misfit.
    threshold
        As for `streamrecon.qsm.inversion.closed_form.invert_tkd`; higher, as the coarse map knows
        what varies slowly, and most of what is left is noise.
    """
    coarse = begin_coarsely(
        field_ppm, mask, geometry, strength=strength, weight=weight, magnitude=magnitude,
        outside=outside, padding=padding,
    )  # fmt: skip
    if coarse is None:
        return invert_tkd(field_ppm, mask, geometry, threshold=threshold, padding=padding)
    crop = tuple(slice(n) for n in mask.shape)
    spectrum = rfftn(coarse)
    spectrum *= dipole_kernel(geometry, coarse.shape)
    field = checked_field(field_ppm, mask, "inversion")
    missed = field - irfftn(spectrum, coarse.shape, crop=mask.shape)
    missed *= mask if weight is None else np.clip(weight, 0, 1)
    fine = invert_tkd(missed, mask, geometry, threshold=threshold, padding=padding)
    return np.where(mask, coarse[crop] + fine, 0).astype(np.float32)
