"""SENSE: separates voxels that fold onto each other by the coils' sensitivities."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.threads import at_once
from streamrecon.model.lattice import Lattice
from streamrecon.recon.kspace.encoding_grid import Grid
from streamrecon.recon.parallel._unmixing_kernels import part_voxels
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities, between_cells, cubic_taps
from streamrecon.recon.parallel.unmixing_weights import (
    CoarseAxis,
    Unmixing,
    coarse_axes,
    unit_vectors,
)

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_TURNS = 6  # how often weights turn over a field of view: the vectors' twice, and their products
_X_MM = 4.0  # along X weights are worked out this far apart
_LEAST_RIDGE = 1e-6  # what the coils cannot tell apart stays finite
_FAINTEST = 1e-4  # of the bright signal: no voxel is taken for empty


def unmix_by_sense(
    sensitivities: Sensitivities,
    power: Real,
    lattice: Lattice,
    grid: Grid,
    *,
    ridge: float = 3e-4,
) -> Unmixing:
    r"""Weights that keep a voxel as it is, with the least of its aliases and of noise.

    .. math:: u = \frac{R \, s_0^H M^{-1}}{s_0^H M^{-1} s_0}, \qquad
              M = \lambda I + \sum_{k>0} p_k s_k s_k^H

    :math:`s_k` are the sensitivities at the R places that fold onto a voxel, :math:`p_k` the
    signal's power there. Without λ this is SENSE. A ridge on the whole system would darken a
    voxel, and by how much would differ from place to place; here its own response is 1, always.
    A place without signal is not parted from, so that g is 1 wherever air folds onto tissue.

    Which of the lattice's lines were taken is of no account: another origin turns the phase of
    every alias, and of the voxel itself not.

    Where the sensitivities are wrong an alias stays, in proportion to their error; GRAPPA,
    which needs none, is the safer choice where the field of view is smaller than the object.

    Parameters
    ----------
    sensitivities
        Unit vectors, best by `sensitivities_by_espirit`.
    power
        Of the signal on cells that cover the field of view [Zc, Yc, Xc], 1 where it is bright.
    lattice
        Lines that were taken.
    grid
        The axes.
    ridge
        λ, noise against bright signal; larger ones trade noise for aliasing. At least 1e-6 counts.

    Notes
    -----
    A system of R - 1 unknowns for each cell of 4 mm: for R = 4 and 8 channels a third of a second.

    References
    ----------
    Pruessmann et al. (1999) Magn Reson Med 42:952.
    doi:10.1002/(SICI)1522-2594(199911)42:5<952::AID-MRM16>3.0.CO;2-S
    """
    along_z, along_y = coarse_axes(grid, (_TURNS, _TURNS), lattice.factor)
    n_x = grid.x.n_image
    n_places = min(n_x, max(1, round(n_x * grid.x.voxel_mm / _X_MM)))
    unit = unit_vectors(sensitivities, along_z, along_y, cubic_taps(n_places, n_x, n_x / n_places))
    vectors = np.ascontiguousarray(np.moveaxis(unit, 0, -1))  # [Zc, Yc, Xk, C]
    n_z, n_y, n_coarse = power.shape
    to_cells = (
        along_z.from_calibration(n_z),
        along_y.from_calibration(n_y),
        cubic_taps(n_places, n_coarse, n_coarse / n_places),
    )
    noise = max(ridge, _LEAST_RIDGE) / np.maximum(between_cells(power, to_cells), _FAINTEST)
    z, y = zip(*lattice.aliases, strict=True)
    folded = (_folded(along_z, z), _folded(along_y, y))
    weights = np.empty_like(vectors)
    at_once(partial(_part, vectors, noise.astype(np.float32), folded, weights), len(weights))
    along_x = cubic_taps(n_x, n_places, n_places / n_x)
    full = np.einsum("zynkc,nk->czyn", weights[:, :, along_x.cells], along_x.weights, optimize=True)
    return Unmixing(
        np.ascontiguousarray(full),
        along_z.to_voxels(grid.z),
        along_y.to_voxels(grid.y),
        lattice.factor,
    )


def _part(
    vectors: Complex,
    noise: Real,
    folded: tuple[NDArray[np.int64], NDArray[np.int64]],
    weights: Complex,
    rows: range,
) -> None:
    for row in rows:
        part_voxels(vectors, noise, *folded, row, weights)


def _folded(axis: CoarseAxis, fractions: tuple[float, ...]) -> NDArray[np.int64]:
    """For each alias, at ``fractions`` of a field of view, the cell it has for each cell [R, n]."""
    cells = np.arange(axis.count)
    if not axis.pitch:  # slices do not fold
        return np.tile(cells, (len(fractions), 1))
    n_cells = round(1 / axis.pitch)
    margin = (axis.count - n_cells) // 2
    moved = [margin + (cells - margin + round(part * n_cells)) % n_cells for part in fractions]
    return np.stack(moved)
