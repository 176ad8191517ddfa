"""Coarser grids, on which an iteration finds at an eighth of the price what varies slowly.

A grid is halved by averages over two voxels on every axis; its padded size has to be even. What an
iteration on the coarse grid ends with is carried to the fine one by linear interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm._kernels import double
from streamrecon.qsm.solvers import checked_field
from streamrecon.qsm.surroundings import with_surroundings
from streamrecon.threads import at_once

Real = NDArray[np.float32]

_SMALLEST = 4  # voxels that a halved axis must keep, padded
_NO_EDGES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What an inversion is given, on one grid.

    Parameters
    ----------
    field
        Local field [Z, Y, X, ppm], 0 outside the mask.
    trust
        Weight of its squared errors [Z, Y, X], 0 outside the mask.
    mask
        Where χ is wanted [Z, Y, X].
    magnitude
        Image whose edges may be edges of χ [Z, Y, X]; None: edges anywhere are alike.
    geometry
        Grid of all of them.
    shape
        Padded grid to work on.
    near
        Voxels of the padded grid between which gradients cost as in the mask [Z, Y, X].
    belief
        How far the magnitude's edges are taken for edges of χ, 0 … 1.
    """

    field: Real
    trust: Real
    mask: NDArray[np.bool_]
    magnitude: Real | None
    geometry: Geometry
    shape: Shape
    near: NDArray[np.bool_]
    belief: float = 1.0

    def halved(self) -> Task | None:
        """The same on voxels twice as large; None where the grid is too small for that.

        The field is averaged by its trust; a voxel belongs to the mask where half of it does.
        """
        if any(n % 2 or n // 2 < _SMALLEST for n in self.shape):
            return None
        trust = halved(self.trust)
        mask = halved(self.mask.astype(np.float32)) >= np.float32(0.5)
        if not mask.any():
            return None
        field = np.divide(halved(self.field * self.trust), np.maximum(trust, np.float32(1e-20)))
        z, y, x = (2 * side for side in self.geometry.voxel_mm)
        return Task(
            np.where(mask, field, 0).astype(np.float32),
            trust * mask,
            mask,
            None if self.magnitude is None else halved(self.magnitude),
            Geometry(mask.shape, (z, y, x), self.geometry.axes_lps),
            (self.shape[0] // 2, self.shape[1] // 2, self.shape[2] // 2),
            halved(self.near.astype(np.float32)) >= np.float32(0.5),
            self.belief,
        )


def task_on(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    grid: tuple[Geometry, Shape],
    *,
    weight: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    rim_mm: float = 0.0,
) -> Task:
    """What an inversion is given, on its finest grid, as `streamrecon.qsm.inversion` names it.

    Raises
    ------
    ReconError
        If the mask is empty or the field is not finite inside it.
    """
    field = checked_field(field_ppm, mask, "inversion")
    trust = mask.astype(np.float32) if weight is None else np.where(mask, weight, 0) ** 2
    image = None if magnitude is None else np.nan_to_num(np.asarray(magnitude, np.float32))
    near = with_surroundings(mask, *grid, rim_mm)
    return Task(field, trust.astype(np.float32, copy=False), mask, image, *grid, near)


def halved(values: Real) -> Real:
    """Averages over two voxels on each axis; a last one without a partner counts twice.

    >>> halved(np.arange(6, dtype=np.float32).reshape(1, 2, 3))
    array([[[2. , 3.5]]], dtype=float32)
    """
    for axis in range(values.ndim):
        ahead = (slice(None),) * axis
        first, second = values[(*ahead, slice(0, None, 2))], values[(*ahead, slice(1, None, 2))]
        mean = first.copy()
        mean[(*ahead, slice(0, second.shape[axis]))] += second
        mean[(*ahead, slice(0, second.shape[axis]))] *= np.float32(0.5)
        values = mean
    return values


def carry(coarse: Real, fine: Real, *, edges: int = _NO_EDGES) -> None:
    """Fill ``fine`` [2Z, 2Y, 2X] with ``coarse`` [Z, Y, X], linear and periodic.

    ``edges`` is the axis along which values sit between a voxel and the next, as gradients do.
    """
    at_once(lambda z: double(coarse, edges, fine, z.start, z.stop), len(fine))
