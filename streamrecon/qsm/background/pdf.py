"""The field of sources outside the mask, taken off the total field: by projection (PDF).

What sources inside and outside can both explain is shared out by convention: no method knows it.
PDF keeps every voxel and takes some of the inner field with it. It weights voxels by their trust:
those without any take the field of their neighbours, and for the eye it is done without weights.
`qsm.background.sharp` has the methods of spherical means, `qsm.background.lbv` that of boundary
values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.machine.memory import give_back_freed
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.phase.magnitude import OUTSIDE
from streamrecon.qsm.dipole import (
    PADDING,
    Convolution,
    dipole_kernel,
    padded_shape,
    with_surroundings,
)
from streamrecon.qsm.solvers import Operator, checked_field, end_in_words, least_squares

Real = NDArray[np.float32]
Classes = NDArray[np.integer]
Given = tuple[Real, Real, NDArray[np.bool_], Classes | None]
"""Field, trust of mean square 1, mask, classes [Z, Y, X]."""

NEAR_MM = 4.0
"""From the mask; sources nearer than this are held back; see docs/explanation/qsm.md [mm]."""

_NEAR_FRACTION = np.float32(0.1)  # of the size that sources beyond have
_CLASS_SIZE = np.float32(1 / 3)  # of sources outside: what both can make is theirs
_NEIGHBOURS_VOXELS = 1.0
_ROUNDING = 1e-5  # of the first gradient: single precision goes astray some hundred steps below it
_LEAST = 1e-3  # of a neighbourhood is believed; else there is nothing to take over

PDF = "PDF"
"""What the method is called."""

COARSE_PDF = "PDF on doubled voxels"
"""The same, where its background was carried from voxels twice as large."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalField:
    """Field of the sources inside, where it is known.

    Parameters
    ----------
    method
        Its name.
    field_ppm
        [Z, Y, X, ppm], 0 outside ``mask``.
    mask
        Voxels kept [Z, Y, X].
    iterations
        Steps taken; 0 for closed forms.
    converged
        Whether an iteration met its tolerance.
    above_least
        What the sum of an iteration may be above its least, in parts of that; NaN: not known.
    is_clean
        Whether no background was in it that a removal took the wrong share of.
    tissues_ppm
        Mean χ of classes of tissue that were found with it, whose field is in ``field_ppm``
        [Z, Y, X, ppm]; None: nothing was asked of tissues.
    """

    method: str
    field_ppm: Real
    mask: NDArray[np.bool_]
    iterations: int = 0
    converged: bool = True
    above_least: float = math.nan
    is_clean: bool = False
    tissues_ppm: Real | None = None

    def report(self, mask: NDArray[np.bool_]) -> str:
        """What the removal was, and what it lost of a mask [Z, Y, X]."""
        tissues = "" if self.tissues_ppm is None else " with classes of tissue"
        end = end_in_words(self.above_least)
        steps = f", {self.iterations} steps, {end}" if self.iterations else ""
        lost = 100 * (1 - self.mask.sum() / max(mask.sum(), 1))
        rim = f", {lost:.0f} % of the mask lost as rim" if lost >= 0.5 else ""
        ended = "" if self.converged else ", not converged"
        return f"background: {self.method}{tissues}{steps}{rim}{ended}"


def remove_pdf(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    weight: NDArray[np.floating] | None = None,
    classes: NDArray[np.integer] | None = None,
    damping: float = 1e-5,
    near_mm: float = NEAR_MM,
    padding: float = PADDING,
    tolerance: float = 1e-3,
    iterations: int = 90,
) -> LocalField:
    r"""Projection onto dipole fields: sources outside the mask fitted to the field within.

    .. math:: \min_{x,m} \|W M (f - D S x - D C m)\|^2 + \lambda (\|x\|^2 + 9 \|C m\|^2),
              \quad f_\mathrm{local} = M (f - D S x)

    S, the size of sources, is 0 in the mask, a tenth in a layer around it, and 1 beyond: near
    sources cost a hundred times what far ones do, and explain only what those leave. Published, S
    is 1 up to the mask, and takes more of the inner field.

    C m, with ``classes``, is a map of one value for each class of tissue. Without it all of the
    inner field that sources outside can make is theirs: with it, what alike voxels all over the
    mask explain is left to them. What differs within a class is still taken. Means of classes of a
    few clustered voxels come out a tenth too large, as edges count less than in a mean.

    Four real FFTs of the padded grid a step. Keeps the whole mask. Takes a third to a half of the
    inner field's power with it; least near the middle.

    Without damping there is no end to it: on five objects the sum still fell by 1 % in 50 steps
    after 100 of them, and what they fitted was no background. At λ = 1e-4 the layer of weak sources
    is hardly used, and the error of the egg phantom's map is 2 points larger.

    Parameters
    ----------
    field_ppm
        Total field [Z, Y, X, ppm].
    mask
        Where it is trusted.
    geometry
        Their grid.
    weight
        Trust per voxel [Z, Y, X], best 1 / sd; any scale.
    classes
        Kind of tissue of each voxel, from 0 on [Z, Y, X]; negative: none, see
        `streamrecon.phase.magnitude.tissue_classes`. None: none are asked for, as published.
    damping
        λ, for a weight of mean square 1.
    near_mm
        How far the layer of weak sources reaches from the mask; 0: no such layer, as published.
    padding
        Room for sources around the grid, see `padded_shape`.
    tolerance
        Part of what is left of the sum that the last step may take in a fit that has converged.
    iterations
        Steps, as many for all scans but those that are at their end before: near a looser tolerance
        rounding would choose their number. After 90 the sum was 0.1 to 0.9 % above its least on
        five heads.

    References
    ----------
    Liu et al. (2011) NMR Biomed 24:1129. doi:10.1002/nbm.1670
    """
    field = checked_field(field_ppm, mask, "background")
    kinds = None if classes is None else np.where(mask, classes, OUTSIDE)
    return project(
        (field, normalised(weight, mask), mask, kinds), geometry, near_mm=near_mm, padding=padding,
        damping=damping, tolerance=tolerance, iterations=iterations,
    )[0]  # fmt: skip


def project(
    given: Given,
    geometry: Geometry,
    *,
    near_mm: float = NEAR_MM,
    padding: float = PADDING,
    damping: float,
    tolerance: float,
    iterations: int,
) -> tuple[LocalField, Real]:
    """The local field of `remove_pdf`, and the background on the padded grid [ppm]."""
    field, trust, mask, classes = given
    shape = padded_shape(geometry, padding)
    crop = tuple(slice(n) for n in mask.shape)
    trust = padded(trust, shape)
    spread = Convolution(dipole_kernel(geometry, shape), shape)
    outer = _sizes(mask, geometry, shape, near_mm)
    means = _means_over(classes, shape)
    give_back_freed()

    def sources(x: Real) -> Real:
        return means(x, outer * x)

    found = least_squares(
        Operator(lambda x: spread(sources(x), trust), lambda r: sources(spread.lent(trust * r))),
        trust * padded(field, shape),
        damping=damping,
        iterations=iterations,
        tolerance=_ROUNDING,
        least_gain=tolerance,
    )
    background = spread.lent(outer * found.unknown)
    tissues = None
    if classes is not None:
        tissues = means(found.unknown, np.zeros(shape, np.float32))[crop].copy()
    local = (field - background[crop]) * mask
    ended = found.iterations, found.converged, found.above_least
    return LocalField(PDF, local, mask.copy(), *ended, tissues_ppm=tissues), background


def filled_from_neighbours(local: LocalField, weight: NDArray[np.floating]) -> LocalField:
    """Voxels without weight take the weighted mean of their neighbours, 0 where there are none.

    What a line through the phase did not fit is no field: the 0.03 % of such voxels of a head
    phantom held as much error as all others together.

    Parameters
    ----------
    local
        Field with its background off.
    weight
        Trust in the total field [Z, Y, X]; 0 where it is not believed.
    """
    doubted = local.mask & (weight == 0)
    if not doubted.any():
        return local
    trust = np.where(local.mask, np.square(weight), 0).astype(np.float32)
    around = gaussian_filter(trust, _NEIGHBOURS_VOXELS)
    mean = gaussian_filter(local.field_ppm * trust, _NEIGHBOURS_VOXELS)
    known = around > _LEAST * float(trust.max(initial=0))
    mean = np.divide(mean, around, out=np.zeros_like(mean), where=known)
    return replace(local, field_ppm=np.where(doubted, mean, local.field_ppm))


def _means_over(classes: Classes | None, shape: Shape) -> Callable[[Real, Real], Real]:
    """A third of a map's means over classes, written into another map; its own adjoint."""
    if classes is None:
        return lambda _, into: into
    wide = np.full(shape, OUTSIDE, classes.dtype)
    wide[tuple(slice(n) for n in classes.shape)] = classes
    places = np.flatnonzero(wide > OUTSIDE)
    kinds = wide.ravel()[places].astype(np.intp)
    fraction = _CLASS_SIZE / np.maximum(np.bincount(kinds), 1)

    def put(x: Real, into: Real) -> Real:
        sums = np.bincount(kinds, weights=x.ravel()[places])
        into.ravel()[places] = (fraction * sums).astype(np.float32)[kinds]
        return into

    return put


def _sizes(mask: NDArray[np.bool_], geometry: Geometry, shape: Shape, near_mm: float) -> Real:
    """How large sources are thought to be: 1, a tenth near the mask, 0 within."""
    near = with_surroundings(mask, geometry, shape, near_mm)
    size = np.where(near, _NEAR_FRACTION, np.float32(1))
    size[tuple(slice(n) for n in mask.shape)][mask] = 0
    return size


def normalised(weight: NDArray[np.floating] | None, mask: NDArray[np.bool_]) -> Real:
    """Trust [Z, Y, X] of mean square 1 in the mask, 0 outside."""
    if weight is None:
        return mask.astype(np.float32)
    scale = np.sqrt(np.mean(np.asarray(weight[mask], np.float64) ** 2))
    return np.where(mask, weight / scale, 0).astype(np.float32)


def padded(values: Real, shape: Shape) -> Real:
    """Values in the first corner of a larger grid of zeros."""
    room = np.zeros(shape, np.float32)
    room[tuple(slice(n) for n in values.shape)] = values
    return room
