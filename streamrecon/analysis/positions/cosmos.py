r"""Susceptibility from several orientations of a head (COSMOS): no cone of zeros is left.

.. math:: \min_\chi \sum_i \| W_i (D_i \chi - f_i) \|^2

By one division where fields are local and whole; else by the room ``head_sources`` beside this. It
takes χ for a number. White matter is anisotropic: there the map is a mean over the orientations
that were scanned, and the room ``susceptibility_tensor`` is the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.positions.head_sources import (
    common_mask,
    dipole_fields,
    first_sizes,
    fit_sources,
)
from streamrecon.analysis.positions.orientations import weights
from streamrecon.analysis.positions.tilted_fields import MovedField
from streamrecon.fourier import irfftn, rfftn
from streamrecon.qsm.background.pdf import padded
from streamrecon.qsm.dipole import dipole_kernel, padded_shape

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_WEAK = 0.01  # least sum of squares of the kernels without damping
_DAMPING = 1e-3
_NEVER_ZERO = 1e-6  # kernels of voxels vanish in a corner of k-space
_STEPS = 60


@dataclass(frozen=True, slots=True, eq=False)
class CosmosMap:
    """χ from several orientations.

    Parameters
    ----------
    chi_ppm
        [Z, Y, X, ppm], mean 0 inside ``mask``; 0 outside.
    mask
        Where all fields are known [Z, Y, X].
    damping
        Of the closed form; 0 where it needed none.
    steps
        Of the iteration; 0 for the closed form.
    """

    chi_ppm: Real
    mask: Flags
    damping: float
    steps: int


def cosmos_closed_form(fields: Sequence[MovedField]) -> CosmosMap:
    """χ by one division in k-space, from local fields.

    They end at the mask, which costs accuracy at its rim.

    Raises
    ------
    ReconError
        If the fields have no voxel in common.
    """
    mask = common_mask(fields)
    shape = padded_shape(fields[0].turned)
    kernels = [dipole_kernel(field.turned, shape) for field in fields]
    spectra = [rfftn(padded(field.field_ppm * mask, shape)) for field in fields]
    above = np.sum([d * f for d, f in zip(kernels, spectra, strict=True)], axis=0)
    below = np.sum([d**2 for d in kernels], axis=0)
    least = weights([np.array(field.turned.b0_axis()) for field in fields]).min()
    damping = _DAMPING if least < _WEAK else 0.0
    below = below + np.float32(max(damping, _NEVER_ZERO))
    below[0, 0, 0] = 1  # the mean is not seen
    spectrum = np.asarray(above / below, np.complex64)
    chi = irfftn(spectrum, shape, crop=mask.shape)
    return CosmosMap(_centred(chi, mask), mask, damping, 0)


def least_squares_cosmos(fields: Sequence[MovedField]) -> CosmosMap:
    """χ by least squares, each field with its own trust and its own edge, from total fields.

    Sources beyond the masks are found with those inside, see `head_sources`; a removal of the
    background would take some of the inner field with it. χ that goes with r² through the whole
    head, or is linear in a direction, is what polynomials of the scanner can explain too: there it
    is as small as it can be. Sources that do not turn with the head, such as the shoulders, must be
    far enough for a polynomial of the second order; a registration a degree off blurs edges.

    Real FFTs of the padded grid a step: two, and two for each position; at most 120 steps.

    Parameters
    ----------
    fields
        On one grid, see `moved_fields`; local ones do too, as far as their background is gone.

    Raises
    ------
    ReconError
        If the fields have no voxel in common.

    References
    ----------
    Liu et al. (2009) Magn Reson Med 61:196. doi:10.1002/mrm.21828
    """
    mask = common_mask(fields)
    shape = padded_shape(fields[0].turned)
    model = dipole_fields(fields, shape)
    found = fit_sources(model, fields, first_sizes(fields, shape), steps=_STEPS)
    chi = found.unknown[tuple(slice(n) for n in mask.shape)]
    return CosmosMap(_centred(chi, mask), mask, 0.0, found.steps)


def _centred(chi: Real, mask: Flags) -> Real:
    return np.where(mask, chi - np.float32(chi[mask].mean(dtype=np.float64)), 0).astype(np.float32)
