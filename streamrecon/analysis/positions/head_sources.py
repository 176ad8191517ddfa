r"""The sources of a head's total fields in several positions, in the head and around it.

.. math:: \min_{\chi,\,c} \sum_i \| W_i (f_i - D_i \chi - P c_i) \|^2
          + \lambda \sum_v \chi_v^2 / s_v^2

Air and bone turn with the head, so that one χ explains all positions, inside the masks and beyond;
nothing is removed first. What does not turn, the scanner's own field and its shim, is to second
order a sum of nine harmonic polynomials P in any frame. They are free in each position, and are
projected out of data and model.

Total fields of several positions determine χ inside the masks but for a constant, and beside free
polynomials but for one that is linear or goes with r². There the sizes s decide: how large χ is
thought to be. A first pass takes one size in the head; a second one takes what the first has found,
so that tissue without strong sources is flat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.analysis.positions.tilted_fields import MovedField
from streamrecon.errors import ReconError
from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm.dipole import dipole_kernel, with_surroundings
from streamrecon.qsm.solvers import Operator, least_squares

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

TISSUE_PPM = 0.03
"""How large χ is thought to be in the head, before anything is known [ppm]."""

NOISE_PPM = 1e-3
"""Of a field: what is nearer than this to its explanation is explained [ppm]."""

_LEAST_PPM = 0.01  # of a size in the head, in the second pass
_AROUND_PPM, _BEYOND_PPM = 0.1, 1.0  # in the layer around the head, and where air and bone are
_LAYER_MM = 4.0
_BLUR = 1.0  # voxels: neighbours of a source may be sources
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What explains the fields.

    Parameters
    ----------
    unknown
        One map or several on the padded grid [..., Z, Y, X].
    steps
        Of both passes together.
    """

    unknown: Real
    steps: int


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


def first_sizes(fields: Sequence[MovedField], shape: Shape) -> Real:
    """How large χ is thought to be on the padded grid [Z, Y, X, ppm]."""
    grid, head = fields[0].turned, _head(fields)
    near = with_surroundings(head, grid, shape, _LAYER_MM)
    sizes = np.where(near, np.float32(_AROUND_PPM), np.float32(_BEYOND_PPM))
    sizes[_corner(head)][head] = TISSUE_PPM
    return sizes


def dipole_fields(fields: Sequence[MovedField], shape: Shape) -> Operator:
    """Fields of χ [Z, Y, X, padded] in every position [N, Z, Y, X], and the adjoint of that."""
    kept = fields[0].mask.shape
    kernels = [dipole_kernel(field.turned, shape) for field in fields]

    def forward(chi: Real) -> Real:
        spectrum = rfftn(chi)
        return np.stack([irfftn(spectrum * kernel, shape, crop=kept) for kernel in kernels])

    def adjoint(residuals: Real) -> Real:
        spectra = (k * rfftn(each, shape) for k, each in zip(kernels, residuals, strict=True))
        return irfftn(np.asarray(sum(spectra), np.complex64), shape)

    return Operator(forward, adjoint)


def fit_sources(
    model: Operator, fields: Sequence[MovedField], sizes: Real, *, steps: int
) -> Sources:
    """Sources that explain all fields, in two passes of conjugate gradients.

    A step is one call of the model and one of its adjoint, and eighteen products of a volume for
    each field.

    Parameters
    ----------
    model
        From maps on the padded grid to the field of every position [N, Z, Y, X].
    fields
        On one grid, see `moved_fields`; total ones, or local ones whose background is all gone.
    sizes
        Of what ``model`` takes [ppm]; the first map is χ or its mean, whose sizes are found anew.
    steps
        Most of each pass.
    """
    first = _pass(model, fields, sizes, steps)
    second = _pass(model, fields, _found_sizes(first.unknown, fields, sizes), steps)
    return Sources(second.unknown, first.steps + second.steps)


def _pass(model: Operator, fields: Sequence[MovedField], sizes: Real, steps: int) -> Sources:
    scale = np.sqrt(np.mean([np.mean(f.weight[f.mask].astype(np.float64) ** 2) for f in fields]))
    trusts = [field.weight / np.float32(scale) for field in fields]
    without = _polynomials_removed(trusts, fields)

    def weighted(values: Real) -> Real:
        parts = zip(without, trusts, values, strict=True)
        return np.stack([remove(trust * each) for remove, trust, each in parts])

    def blamed(residuals: Real) -> Real:
        parts = zip(without, trusts, residuals, strict=True)
        return sizes * model.adjoint(np.stack([w * remove(each) for remove, w, each in parts]))

    data = weighted(np.stack([field.field_ppm for field in fields]))
    found = least_squares(
        Operator(lambda x: weighted(model.forward(sizes * x)), blamed),
        data,
        damping=NOISE_PPM**2,
        iterations=steps,
        tolerance=_TOLERANCE,
    )
    return Sources(sizes * found.unknown, found.iterations)


def _found_sizes(unknown: Real, fields: Sequence[MovedField], sizes: Real) -> Real:
    """Sizes in the head as the first map has them, around its median there."""
    head = _head(fields)
    maps = sizes.reshape(-1, *sizes.shape[-3:]).copy()
    chi = unknown.reshape(maps.shape)[0][_corner(head)]
    above = np.where(head, chi - np.median(chi[common_mask(fields)]), 0)
    found = np.sqrt(gaussian_filter(above**2, _BLUR) + np.float32(_LEAST_PPM) ** 2)
    maps[0][_corner(head)][head] = found[head]
    return maps.reshape(sizes.shape)


def _polynomials_removed(
    trusts: Sequence[Real], fields: Sequence[MovedField]
) -> list[Callable[[Real], Real]]:
    """For each position, the projection of weighted values off weighted polynomials."""
    head = _head(fields)
    basis = _polynomials(head, fields[0].turned)
    return [_projection(basis, trust[head], head) for trust in trusts]


def _projection(basis: Real, trust: Real, head: Flags) -> Callable[[Real], Real]:
    own = (basis * trust).astype(np.float64)
    inverse = np.linalg.pinv(own @ own.T).astype(np.float32)

    def remove(weighted: Real) -> Real:
        seen = weighted[head]
        rest = np.zeros_like(weighted)
        rest[head] = seen - trust * ((inverse @ (basis @ (trust * seen))) @ basis)
        return rest

    return remove


def _polynomials(head: Flags, grid: Geometry) -> Real:
    """Harmonic polynomials up to the second order at the voxels of the head [9, voxels]."""
    at = np.argwhere(head) * np.array(grid.voxel_mm)
    at -= at.mean(axis=0)
    z, y, x = (at / np.abs(at).max()).T
    rows = (np.ones_like(x), x, y, z, x * y, x * z, y * z, x**2 - y**2, 2 * z**2 - x**2 - y**2)
    return np.stack(rows).astype(np.float32)


def _head(fields: Sequence[MovedField]) -> Flags:
    return np.asarray(np.logical_or.reduce([field.mask for field in fields]), np.bool_)


def _corner(head: Flags) -> tuple[slice, ...]:
    return tuple(slice(n) for n in head.shape)
