"""Converts our (z, y, x) and LPS to NIfTI's (x, y, z) and RAS; nothing else does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry


def in_ras(
    values: NDArray[np.generic], geometry: Geometry
) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    """The same voxels in NIfTI's order, and where they lie.

    Parameters
    ----------
    values
        [Z, Y, X], of any type.
    geometry
        Grid of ``values``.

    Returns
    -------
    data
        [X, Y, Z], a view.
    affine
        From the index column (x, y, z, 1) to (R, A, S, 1) [mm]; its determinant has the grid's own
        handedness, nothing is flipped.
    """
    affine = geometry.affine_lps()[:, [2, 1, 0, 3]]
    affine[:2] *= -1.0
    return values.transpose(2, 1, 0), affine


def from_ras(
    data: NDArray[np.generic], affine: NDArray[np.float64]
) -> tuple[NDArray[np.generic], Geometry]:
    """Voxels of a NIfTI file in our order, and their grid: the inverse of `in_ras`.

    Parameters
    ----------
    data
        [X, Y, Z], of any type.
    affine
        From the index column (x, y, z, 1) to (R, A, S, 1) [mm].

    Raises
    ------
    HeaderError
        If the axes are not orthogonal: B0 has no place on a sheared grid.
    """
    columns = np.diag([-1.0, -1.0, 1.0]) @ affine[:3, :3]
    voxel_mm = np.linalg.norm(columns, axis=0)
    middle = affine @ (*(n // 2 for n in data.shape), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        axes = (columns / voxel_mm).T[::-1]
    dx, dy, dz = voxel_mm.tolist()
    right, anterior, superior, _ = middle.tolist()
    values = data.transpose(2, 1, 0)
    nz, ny, nx = values.shape
    return values, Geometry((nz, ny, nx), (dz, dy, dx), axes, (-right, -anterior, superior))
