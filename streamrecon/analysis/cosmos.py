r"""Susceptibility from several orientations of a head (COSMOS): no cone of zeros is left.

.. math:: \min_\chi \sum_i \| W_i (D_i \chi - f_i) \|^2

It takes χ for a number. White matter is anisotropic: there the map is a mean over the orientations
that were scanned, and `streamrecon.analysis.susceptibility_tensor` is the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.orientations import weights
from streamrecon.analysis.tilted_fields import MovedField
from streamrecon.errors import ReconError
from streamrecon.fourier import irfftn, rfftn
from streamrecon.qsm.background.pdf import padded
from streamrecon.qsm.dipole import dipole_kernel, padded_shape
from streamrecon.qsm.solvers import Operator, convolution, least_squares

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_WEAK = 0.01  # least sum of squares of the kernels without damping
_DAMPING = 1e-3
_NEVER_ZERO = 1e-6  # kernels of voxels vanish in a corner of k-space
_STEPS, _TOLERANCE = 60, 1e-3


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
    """χ by one division in k-space; fields end at the mask, which costs accuracy at its rim.

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


def least_squares_cosmos(fields: Sequence[MovedField], *, steps: int = _STEPS) -> CosmosMap:
    """χ by least squares inside the mask, each field with its own trust and its own edge.

    Sources outside the mask are none: their fields were to be removed before. A field that still
    has some of its background gives smooth errors, and registration a degree off blurs edges.

    Parameters
    ----------
    fields
        On one grid, see `moved_fields`.
    steps
        Most steps of conjugate gradients.

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
    inside = padded(mask.astype(np.float32), shape)
    spreads = [convolution(dipole_kernel(field.turned, shape), shape) for field in fields]
    scale = np.sqrt(np.mean([np.mean(f.weight[f.mask].astype(np.float64) ** 2) for f in fields]))
    trust = [padded((field.weight / np.float32(scale)), shape) for field in fields]

    def forward(x: Real) -> Real:
        return np.stack([w * d(inside * x) for w, d in zip(trust, spreads, strict=True)])

    def adjoint(r: Real) -> Real:
        parts = (d(w * each) for w, d, each in zip(trust, spreads, r, strict=True))
        return np.asarray(inside * sum(parts), np.float32)

    data = np.stack([w * padded(f.field_ppm, shape) for w, f in zip(trust, fields, strict=True)])
    found = least_squares(Operator(forward, adjoint), data, iterations=steps, tolerance=_TOLERANCE)
    chi = found.unknown[tuple(slice(n) for n in mask.shape)]
    return CosmosMap(_centred(chi, mask), mask, 0.0, found.iterations)


def common_mask(fields: Sequence[MovedField]) -> Flags:
    """Where all fields are known [Z, Y, X].

    Raises
    ------
    ReconError
        If that is nowhere.
    """
    mask = np.logical_and.reduce([field.mask for field in fields])
    if not mask.any():
        raise ReconError(
            f"orientations: found no voxel that all {len(fields)} masks have in common"
        )
    return np.asarray(mask, np.bool_)


def _centred(chi: Real, mask: Flags) -> Real:
    return np.where(mask, chi - np.float32(chi[mask].mean(dtype=np.float64)), 0).astype(np.float32)
