"""The field of sources outside the mask, taken off the total field: by projection (PDF).

What sources inside and outside can both explain is shared out by convention: no method knows it.
PDF keeps every voxel and takes some of the inner field with it. It weights voxels by their trust:
those without any take the field of their neighbours, and for the eye it is done without weights.
`qsm.background.sharp` has the methods of spherical means, `qsm.background.lbv` that of boundary
values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.machine.memory import give_back_freed
from streamrecon.machine.threads import at_once
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.phase.magnitude import OUTSIDE
from streamrecon.qsm._kernels import scale_by_code, sum_by_code
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
"""From the mask; nearer sources are held back; see docs/explanation/qsm-choices.md [mm]."""

_NEAR_FRACTION = np.float32(0.1)  # of the size that sources beyond have
_CLASS_SIZE = np.float32(1 / 3)  # of sources outside: what both can make is theirs
_NEIGHBOURS_VOXELS = 1.0
_ROUNDING = 1e-5  # of the first gradient: single precision goes astray some hundred steps below it
_BEYOND, _NEAR, _NOTHING, _FIRST_CLASS = range(4)  # codes of what an unknown stands for
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
    above_minimum
        By how much the cost may be above its minimum, as a fraction; NaN: not known.
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
    above_minimum: float = math.nan
    is_clean: bool = False
    tissues_ppm: Real | None = None

    def report(self, mask: NDArray[np.bool_]) -> str:
        """What the removal was, and what it lost of a mask [Z, Y, X]."""
        tissues = "" if self.tissues_ppm is None else " with classes of tissue"
        end = end_in_words(self.above_minimum)
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
    sources cost a hundred times what far ones do. Published, S is 1 up to the mask, and takes more
    of the inner field.

    C m, with ``classes``, is a map of one value for each class of tissue: what alike voxels all
    over the mask explain is left to them. What differs within a class is still taken. Means of a
    few clustered voxels come out a tenth too large, as edges count less than in a mean.

    Four real FFTs of the padded grid a step. Keeps the whole mask. Takes a third to a half of the
    inner field's power with it; least near the middle. Without damping the cost falls on without
    end; at λ = 1e-4 the layer of weak sources is hardly used.

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
        Those of `streamrecon.phase.magnitude.tissue_classes` [Z, Y, X]; None: as published.
    damping
        λ, for a weight of mean square 1.
    near_mm
        How far the layer of weak sources reaches from the mask; 0: no such layer, as published.
    padding
        Room for sources around the grid, see `padded_shape`.
    tolerance
        Part of the cost that the last step may take in a fit that has converged.
    iterations
        Steps, as many for all scans: near a looser tolerance rounding would choose their number. 90
        came to 0.1 to 0.9 % above the minimum on five heads.

    Raises
    ------
    ReconError
        If the mask is empty, or the field is 0 or not finite inside it.

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
    """`remove_pdf` of field, weight, mask and classes, and the background on its grid [ppm]."""
    field, trust, mask, classes = given
    model = _Model(given, geometry, padded_shape(geometry, padding), near_mm)
    give_back_freed()
    found = least_squares(
        Operator(model.weighted_field, model.adjoint),
        trust * field,
        damping=damping,
        iterations=iterations,
        tolerance=_ROUNDING,
        least_gain=tolerance,
    )
    background = model.background(found.unknown)
    tissues = None if classes is None else model.tissues(found.unknown)
    local = (field - background[model.crop]) * mask
    ended = found.iterations, found.converged, found.above_minimum
    return LocalField(PDF, local, mask.copy(), *ended, tissues_ppm=tissues), background


class _Model:
    """The weighted field in the grid of all that PDF fits, and its adjoint.

    The unknown of a voxel is that of a source beyond the layer around the mask or in it, or counts
    into the mean of a class, or is nothing.
    """

    def __init__(self, given: Given, geometry: Geometry, shape: Shape, near_mm: float) -> None:
        _, self._trust, mask, classes = given
        self.crop = tuple(slice(n) for n in mask.shape)
        self._spread = Convolution(dipole_kernel(geometry, shape), shape)
        near = with_surroundings(mask, geometry, shape, near_mm)
        self._codes = np.where(near, _NEAR, _BEYOND).astype(np.uint16)
        kinds = np.int16(OUTSIDE) if classes is None else classes[mask]
        self._codes[self.crop][mask] = np.where(kinds > OUTSIDE, kinds + _FIRST_CLASS, _NOTHING)
        counts = np.bincount(self._codes[self.crop].ravel(), minlength=_FIRST_CLASS)
        self._size = np.zeros(len(counts), np.float32)
        self._size[[_BEYOND, _NEAR]] = 1, _NEAR_FRACTION
        self._part = np.where(np.arange(len(counts)) < _FIRST_CLASS, 0, _CLASS_SIZE)
        self._part /= np.maximum(counts, 1)
        self._weighted = np.empty(mask.shape, np.float32)

    def weighted_field(self, unknown: Real) -> Real:
        """Of unknowns on the padded grid [Z, Y, X]; on the grid of the mask."""
        room = self._spread.room
        self._put(unknown, self._means(unknown), room)
        field, out = self._spread.filled(), self._weighted
        corner = self.crop[1:]

        def weigh(z: range) -> None:
            of = slice(z.start, z.stop)
            np.multiply(field[(of, *corner)], self._trust[of], out=out[of])

        at_once(weigh, len(out))
        return out

    def adjoint(self, weighted: Real) -> Real:
        """From the grid of the mask to unknowns on the padded grid [Z, Y, X]."""
        room = self._spread.room
        corner = self.crop[1:]

        def fill(z: range) -> None:
            of, known = slice(z.start, z.stop), slice(z.start, min(z.stop, len(weighted)))
            room[of] = 0
            np.multiply(weighted[known], self._trust[known], out=room[(known, *corner)])

        at_once(fill, len(room))
        field = self._spread.filled()
        self._put(field, self._means(field), field)
        return field

    def background(self, unknown: Real) -> Real:
        """The field of the sources outside [Z, Y, X, ppm], on the padded grid."""
        self._put(unknown, np.zeros(len(self._size), np.float32), self._spread.room)
        return self._spread.filled()

    def tissues(self, unknown: Real) -> Real:
        """The mean of its class in every voxel of the mask [Z, Y, X, ppm]."""
        return self._means(unknown)[self._codes[self.crop]]

    def _means(self, values: Real) -> Real:
        """A third of a map's mean over each class, 0 for what is none."""
        sums = np.zeros((len(values), len(self._size)))
        within = (slice(None), *self.crop[1:])
        given = values[within], self._codes[within], sums, _FIRST_CLASS
        planes = len(self._weighted) if len(self._size) > _FIRST_CLASS else 0
        at_once(lambda z: sum_by_code(*given, z.start, z.stop), planes)
        return np.asarray(self._part * sums.sum(axis=0), np.float32)

    def _put(self, values: Real, means: Real, out: Real) -> None:
        given = values, self._codes, self._size, means, out
        at_once(lambda z: scale_by_code(*given, z.start, z.stop), len(out))


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
