"""The head's own grid along L, P and S, and random functions of position on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry, Shape

Volume = NDArray[np.float32]

FIRST_LPS_MM = (-100.0, -126.0, -182.0)
LAST_LPS_MM = (100.0, 114.0, 98.0)
"""The corners of what is drawn [mm]; the origin is the middle of the brain."""

_SPLINE_SD = (151 / 315) ** 1.5  # of a cubic B-spline through white noise on its lattice, in 3-D


@dataclass(frozen=True, slots=True)
class Grid:
    """Voxels of one edge length along S, P and L, in this order (z, y, x).

    Parameters
    ----------
    grain_mm
        Their edge [mm].
    """

    grain_mm: float

    def axis(self, lps: int) -> Volume:
        """Positions of the voxels' centres along L, P or S (0, 1, 2) [mm]."""
        first, last = FIRST_LPS_MM[lps], LAST_LPS_MM[lps]
        count = int((last - first) / self.grain_mm)
        return np.float32(first) + (np.arange(count, dtype=np.float32) + 0.5) * self.grain_mm

    @property
    def shape(self) -> Shape:
        """Voxels along S, P and L."""
        return len(self.axis(2)), len(self.axis(1)), len(self.axis(0))

    def index(self, points_mm: NDArray[np.float64]) -> Volume:
        """Index (z, y, x) [3, ...] of points (L, P, S) [3, ...]; whole in the middle of a voxel."""
        first = np.array(FIRST_LPS_MM).reshape(3, *(1,) * (points_mm.ndim - 1))
        return np.asarray(((points_mm - first) / self.grain_mm - 0.5)[::-1], dtype=np.float32)

    @property
    def geometry(self) -> Geometry:
        """The same grid as images have it."""
        left, posterior, superior = (float(axis[len(axis) // 2]) for axis in self.axes())
        edges = (self.grain_mm,) * 3
        return Geometry(self.shape, edges, np.eye(3)[::-1], (left, posterior, superior))

    def axes(self) -> tuple[Volume, Volume, Volume]:
        """Positions along L, P and S [mm]."""
        return self.axis(0), self.axis(1), self.axis(2)


def planes_of(geometry: Geometry) -> Iterator[NDArray[np.float64]]:
    """Positions (L, P, S) [3, Y, X] of an image's voxels, plane after plane."""
    affine = geometry.affine_lps()
    rows, columns = np.mgrid[: geometry.shape[1], : geometry.shape[2]].astype(np.float64)
    for z in range(geometry.shape[0]):
        index = np.stack([np.full_like(rows, z), rows, columns, np.ones_like(rows)])
        yield np.tensordot(affine[:3], index, axes=1)


def random_field(
    grid: Grid, seed: tuple[int, ...], spacing_lps_mm: tuple[float, float, float]
) -> Volume:
    """Smooth random function of position [Z, Y, X], mean 0 and standard deviation 1.

    A cubic B-spline through white noise on a lattice that begins at `FIRST_LPS_MM`: the same seed
    gives the same function on every grid. Structures are about 1.5 spacings wide.

    Parameters
    ----------
    grid
        Where it is wanted.
    seed
        Numbers that choose the function.
    spacing_lps_mm
        Of the lattice along L, P and S [mm].
    """
    weights = [
        _spline(axis, first, last, spacing)
        for axis, first, last, spacing in zip(
            grid.axes(), FIRST_LPS_MM, LAST_LPS_MM, spacing_lps_mm, strict=True
        )
    ]
    random = np.random.default_rng(seed)
    along_l, along_p, along_s = weights
    lattice = random.standard_normal([each.shape[1] for each in weights[::-1]], dtype=np.float32)
    lattice = np.tensordot(along_s, lattice, axes=(1, 0))
    lattice = np.matmul(along_p, lattice)
    values = np.matmul(lattice, along_l.T)
    values *= np.float32(1 / _SPLINE_SD)
    return np.asarray(values, dtype=np.float32)


def isotropic_field(grid: Grid, seed: tuple[int, ...], spacing_mm: float) -> Volume:
    """`random_field` with one spacing along all axes."""
    return random_field(grid, seed, (spacing_mm,) * 3)


def _spline(at_mm: Volume, first_mm: float, last_mm: float, spacing_mm: float) -> Volume:
    """Weights [N, K] of the lattice's points at the positions."""
    knots = first_mm + spacing_mm * np.arange(-2, int((last_mm - first_mm) / spacing_mm) + 4)
    away = np.abs(at_mm[:, None] - knots) / spacing_mm
    near = (4 - 6 * away**2 + 3 * away**3) / 6
    far = np.maximum(2 - away, 0) ** 3 / 6
    return np.where(away < 1, near, far).astype(np.float32)
