"""Directions of fibres from NIfTI files of diffusion programs, on the grid of a scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.image_inputs.nifti_files import load_nifti
from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry

FSL, MRTRIX = "fsl", "mrtrix"
"""Whose axes vectors have: those of the image with x turned where it is right-handed, or RAS."""

_LPS_FROM_RAS = np.diag([-1.0, -1, 1])


def read_directions(
    path: Path, convention: str, grid: Geometry, to_scan: Path | None
) -> NDArray[np.float64]:
    """Principal directions at the voxels of a scan [Z, Y, X, 3] (L, P, S); 0 outside the file.

    The nearest voxel is taken: a mean of two vectors of either sign would be no direction.

    Parameters
    ----------
    path
        NIfTI with three numbers a voxel.
    convention
        `FSL` or `MRTRIX`.
    grid
        Grid of the scan.
    to_scan
        Text of a matrix [4, 4] in RAS mm from places in the file to places in the scan, where they
        were not taken in one position; directions are turned with it.

    Raises
    ------
    ConfigError
        If the file does not hold vectors, or the matrix is none of a rigid motion.
    """
    image = load_nifti(path)
    values = np.asarray(image.dataobj, np.float64)
    if values.ndim != 4 or values.shape[3] != 3:
        size = " × ".join(map(str, values.shape))
        raise ConfigError(f"{path.name}: found {size}, needed three numbers a voxel")
    affine, motion = np.asarray(image.affine, np.float64), rigid_ras(to_scan)
    vectors = _nearest(values, motion @ affine, grid) @ _to_ras(affine, convention).T
    return np.asarray(vectors @ (_LPS_FROM_RAS @ motion[:3, :3]).T, np.float64)


def read_on_grid(path: Path, grid: Geometry, to_scan: Path | None) -> NDArray[np.float64]:
    """A volume of the same program, for instance FA, at the voxels of a scan [Z, Y, X].

    Raises
    ------
    ConfigError
        If it is not of three dimensions, or the matrix is none of a rigid motion.
    """
    image = load_nifti(path)
    values = np.asarray(image.dataobj, np.float64)
    if values.ndim != 3:
        raise ConfigError(f"{path.name}: found {values.ndim} dimensions, needed 3")
    return _nearest(values, rigid_ras(to_scan) @ np.asarray(image.affine, np.float64), grid)


def _to_ras(affine: NDArray[np.float64], convention: str) -> NDArray[np.float64]:
    """Matrix that turns a file's vectors into RAS."""
    if convention == MRTRIX:
        return np.eye(3)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    turned_x = -1.0 if np.linalg.det(axes) > 0 else 1.0
    return np.asarray(axes @ np.diag([turned_x, 1.0, 1.0]), np.float64)


def rigid_ras(path: Path | None) -> NDArray[np.float64]:
    """A rigid motion [4, 4, RAS mm] from a text of numbers; none without a file.

    Raises
    ------
    ConfigError
        If it is no such matrix.
    """
    if path is None:
        return np.eye(4)
    try:
        matrix = np.loadtxt(path)
    except (OSError, ValueError) as e:
        raise ConfigError(f"{path.name}: cannot be read as a matrix ({e})") from e
    is_rigid = matrix.shape == (4, 4) and np.allclose(
        matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-3
    )
    if not is_rigid:
        raise ConfigError(f"{path.name}: found no rigid motion, needed 4 × 4 numbers, RAS mm")
    return np.asarray(matrix, np.float64)


def _nearest(
    values: NDArray[np.float64], affine_ras: NDArray[np.float64], grid: Geometry
) -> NDArray[np.float64]:
    """Values at the voxels of a grid, 0 where the file has none."""
    to_ras = np.eye(4)
    to_ras[:3, :3] = _LPS_FROM_RAS
    index = np.linalg.inv(affine_ras) @ to_ras @ grid.affine_lps()
    place = np.moveaxis(np.indices(grid.shape), 0, -1) @ index[:3, :3].T + index[:3, 3]
    nearest = np.rint(place).astype(int)
    size = np.array(values.shape[:3])
    inside = ((nearest >= 0) & (nearest < size)).all(axis=-1)
    i, j, k = np.moveaxis(np.clip(nearest, 0, size - 1), -1, 0)
    found = values[i, j, k]
    found[~inside] = 0
    return np.asarray(found, np.float64)
