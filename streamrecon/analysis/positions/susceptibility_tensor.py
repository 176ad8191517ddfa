r"""Isotropic and anisotropic susceptibility from several orientations, guided by diffusion.

The tensor of a fibre bundle is taken as cylindrical about the direction :math:`v` of diffusion,

.. math:: \chi = \mathrm{MMS}\,I + \mathrm{MSA}\,(v v^T - I/3),

and its field for B0 along :math:`b` is, with :math:`\kappa = b \cdot k / k^2`,

.. math:: \hat f = \tfrac13 b^T \hat\chi b - \kappa\, k^T \hat\chi b .

Two unknowns a voxel, where a free tensor has six: tilts of 25° do not tell six apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.positions.head_sources import common_mask, first_sizes, fit_sources
from streamrecon.analysis.positions.tilted_fields import MovedField
from streamrecon.errors import ReconError
from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm.background.pdf import padded
from streamrecon.qsm.dipole import dipole_kernel, frequencies, padded_shape
from streamrecon.qsm.solvers import Operator

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

FEWEST_ORIENTATIONS = 4
_MSA_PPM = np.float32(0.1)  # how large it is thought to be; a tenth of it shows in a field
_STEPS = 120  # MSA is found late


@dataclass(frozen=True, slots=True, eq=False)
class TensorMaps:
    """Mean susceptibility and anisotropy.

    Parameters
    ----------
    mms_ppm
        A third of the trace [Z, Y, X, ppm], mean 0 inside ``mask``.
    msa_ppm
        Susceptibility along the fibres above that across [Z, Y, X, ppm], 0 outside ``fibres``.
    mask, fibres
        Where each is known [Z, Y, X].
    steps
        Of the iterations.
    """

    mms_ppm: Real
    msa_ppm: Real
    mask: Flags
    fibres: Flags
    steps: int


def guided_tensor(
    fields: Sequence[MovedField], directions_lps: NDArray[np.floating], fibres: Flags
) -> TensorMaps:
    """Fit MMS in the mask and MSA in the fibres.

    Fields of microstructure (the neuroglial frequency) are not in the model and make MSA too large
    (Wharton and Bowtell 2015, doi:10.1002/mrm.25324). A direction that is 5° off costs little of
    MSA; one of another bundle costs all of it. Half-filled voxels at the edge of a tract lower it.

    Parameters
    ----------
    fields
        Total fields on one grid, see `moved_fields`; at least four. Local ones do too, as far as
        their background is gone.
    directions_lps
        Direction of the fibres in the head of the first scan [Z, Y, X, 3] (L, P, S); its sign and
        length do not matter.
    fibres
        Where tissue is anisotropic [Z, Y, X], for instance FA > 0.25.

    Raises
    ------
    ReconError
        If there are fewer than four fields, or no fibre inside the masks.

    References
    ----------
    Li et al. (2012) NeuroImage 62:314. doi:10.1016/j.neuroimage.2012.04.042
    """
    if len(fields) < FEWEST_ORIENTATIONS:
        raise ReconError(
            f"tensor: found {len(fields)} orientations, needed at least {FEWEST_ORIENTATIONS}"
        )
    mask = common_mask(fields)
    fibres = np.asarray(fibres & mask, np.bool_)
    if not fibres.any():
        raise ReconError("tensor: found no fibre voxel inside the masks of all scans")
    shape = padded_shape(fields[0].turned)
    along = _unit(directions_lps) @ fields[0].turned.axes_lps.T  # voxel axes z, y, x: any grid
    models = [_Orientation(field.turned, along, fields[0].turned, shape) for field in fields]
    model = Operator(
        lambda x: np.stack([each.forward(x) for each in models]),
        lambda r: np.asarray(
            sum(m.adjoint(each) for m, each in zip(models, r, strict=True)), np.float32
        ),
    )
    anisotropic = padded(np.where(fibres, _MSA_PPM, 0), shape)
    found = fit_sources(
        model, fields, np.stack([first_sizes(fields, shape), anisotropic]), steps=_STEPS
    )
    mms, msa = (each[tuple(slice(n) for n in mask.shape)] for each in found.unknown)
    mms = np.where(mask, mms - np.float32(mms[mask].mean(dtype=np.float64)), 0)
    return TensorMaps(
        mms.astype(np.float32), np.where(fibres, msa, 0).astype(np.float32), mask, fibres,
        found.steps,
    )  # fmt: skip


class _Orientation:
    """The field of MMS and MSA in one orientation, and the adjoint of that."""

    def __init__(
        self, turned: Geometry, along: NDArray[np.floating], first: Geometry, shape: Shape
    ) -> None:
        b = np.array(turned.b0_axis())
        self._shape, self._kept = shape, tuple(slice(n) for n in turned.shape)
        self._dipole = dipole_kernel(turned, shape)
        self._slopes = _slopes(b, first, shape)
        cosine = along @ b
        self._own = padded(((cosine**2 - 1 / 3) / 3).astype(np.float32), shape)
        moments = along * cosine[..., None] - b / 3  # of an anisotropy of 1
        self._moments = [padded(moments[..., a].astype(np.float32), shape) for a in range(3)]

    def forward(self, x: Real) -> Real:
        """Field [Z, Y, X] of both maps [2, Z, Y, X, padded]."""
        mms, msa = x
        spectrum = self._dipole * rfftn(mms)
        for moment, slope in zip(self._moments, self._slopes, strict=True):
            spectrum -= slope * rfftn(moment * msa)
        field = irfftn(spectrum, self._shape) + self._own * msa
        return np.asarray(field[self._kept], np.float32)

    def adjoint(self, residual: Real) -> Real:
        """What each map is blamed for [2, Z, Y, X, padded]."""
        spectrum = rfftn(residual, self._shape)
        mms = irfftn(self._dipole * spectrum, self._shape)
        msa = self._own * padded(residual, self._shape)
        for moment, slope in zip(self._moments, self._slopes, strict=True):
            msa = msa - moment * irfftn(slope * spectrum, self._shape)
        return np.stack([mms, msa]).astype(np.float32)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float64)


def _slopes(b: NDArray[np.float64], grid: Geometry, shape: Shape) -> list[Real]:
    """κ k_z, κ k_y, κ k_x on the half spectrum; 0 where a frequency has no sign."""
    k = [frequencies(n, half=axis == 2) / grid.voxel_mm[axis] for axis, n in enumerate(shape)]
    for axis, n in enumerate(shape):
        if n % 2 == 0:
            k[axis][n // 2] = 0
    z, y, x = np.meshgrid(*k, indexing="ij", sparse=True)
    squared = z**2 + y**2 + x**2
    squared[0, 0, 0] = 1
    kappa = (b[0] * z + b[1] * y + b[2] * x) / np.where(squared > 0, squared, 1)
    return [(kappa * each).astype(np.float32) for each in (z, y, x)]
