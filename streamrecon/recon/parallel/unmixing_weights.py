"""Holds coil weights that unfold and combine at once, read slab by slab."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.recon.kspace.encoding_grid import Axis, Grid
from streamrecon.recon.parallel._unmixing_kernels import interpolate_rows
from streamrecon.recon.parallel.coil_sensitivities import (
    Sensitivities,
    Taps,
    between_cells,
    cubic_taps,
    slab_between,
)

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_CELLS_PER_TURN = 8  # of the fastest part of the weights: right to 1 % with Keys' cubic
_MARGIN = 2  # cells: those beyond the edge that its interpolation takes
_TINY = 1e-20


@dataclass(frozen=True, slots=True, eq=False)
class Unmixing:
    """Weights on a grid that is coarse along Z and Y.

    An image is the sum over coils of weight times zero-filled coil image; its noise has the
    weights' norm times that of a line's noise, over the square root of the acceleration.

    Parameters
    ----------
    weights
        [C, Zc, Yc, X], complex64.
    to_z, to_y
        From the coarse grid to the image's voxels.
    factor
        Lines for each one that was taken.
    """

    weights: Complex
    to_z: Taps
    to_y: Taps
    factor: int

    def at_y(self, index: int) -> Complex:
        """Weights of the slab ``y = index`` [C, Z, X]."""
        return _rows(slab_between(self.weights, 2, self.to_y, index), self.to_z)

    def at_z(self, index: int) -> Complex:
        """Weights of the slab ``z = index`` [C, Y, X]."""
        return _rows(slab_between(self.weights, 1, self.to_z, index), self.to_y)


def noise_amplification(unmixing: Unmixing) -> Real:
    r"""The g-factor [Z, Y, X]: noise beyond that of the fewer lines alone.

    .. math:: g = \lVert u \rVert / R

    1 where unfolding costs nothing. For whitened channels.
    """
    n_z, n_y = len(unmixing.to_z.cells), len(unmixing.to_y.cells)
    found = np.empty((n_z, n_y, unmixing.weights.shape[3]), np.float32)
    for index in range(n_z):
        found[index] = np.linalg.norm(unmixing.at_z(index), axis=0) / unmixing.factor
    return found


@dataclass(frozen=True, slots=True)
class CoarseAxis:
    """Cells that cover the encoded field of view and two more on either side; or slices.

    Parameters
    ----------
    count
        Cells; the middle one, ``count // 2``, is at the centre.
    pitch
        From cell to cell, in fields of view; 0 for slices, which are not encoded.
    """

    count: int
    pitch: float

    @property
    def fractions(self) -> NDArray[np.float64]:
        """Position of each cell in fields of view [count]."""
        return np.asarray((np.arange(self.count) - self.count // 2) * self.pitch, np.float64)

    def to_voxels(self, axis: Axis) -> Taps:
        """Interpolation to the image's voxels."""
        if not self.pitch:
            return cubic_taps(self.count, self.count, 1.0)
        return cubic_taps(axis.n_image, self.count, 1 / (self.pitch * axis.n_transform))

    def from_calibration(self, n_calibration: int) -> Taps:
        """Interpolation from a grid of ``n_calibration`` cells in a field of view."""
        return cubic_taps(self.count, n_calibration, n_calibration * self.pitch or 1.0)


def coarse_axes(grid: Grid, turns: tuple[int, int], multiple: int = 1) -> tuple[CoarseAxis, ...]:
    """Cells along z and y for weights that turn so often (z, y) over the field of view.

    ``multiple`` divides the number of cells in it, so that folding moves by whole ones.
    """

    def encoded(axis: Axis, n_turns: int) -> CoarseAxis:
        wanted = min(axis.n_transform, _CELLS_PER_TURN * n_turns)
        n_cells = -(-wanted // multiple) * multiple
        return CoarseAxis(n_cells + 2 * _MARGIN, 1 / n_cells)

    slices = CoarseAxis(grid.n_slices, 0.0)
    return slices if grid.is_2d else encoded(grid.z, turns[0]), encoded(grid.y, turns[1])


def unit_vectors(
    sensitivities: Sensitivities, along_z: CoarseAxis, along_y: CoarseAxis, along_x: Taps
) -> Complex:
    """Sensitivities between their own cells [C, Zc, Yc, Xc], of norm 1 over C."""
    _, n_z, n_y, _ = sensitivities.vectors.shape
    to_cells = (along_z.from_calibration(n_z), along_y.from_calibration(n_y), along_x)
    vectors = between_cells(sensitivities.vectors, to_cells)
    unit: Complex = vectors / np.maximum(np.linalg.norm(vectors, axis=0), _TINY)
    return unit


def _rows(coarse: Complex, to_rows: Taps) -> Complex:
    n_coils, _, n_x = coarse.shape
    rows = np.empty((n_coils, len(to_rows.cells), n_x), np.complex64)
    interpolate_rows(coarse.view(np.float32), *to_rows, rows.view(np.float32))
    return rows
