"""Where a grid of voxels lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import HeaderError

Triple = tuple[float, float, float]
Shape = tuple[int, int, int]

MAX_EXTENT_MM = 10_000.0
"""Of a volume along an axis: a whole body, five times oversampled."""

_ORTHONORMAL = 1e-3  # direction cosines travel as float32 and as rounded text


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A regular grid, every triple in the order (z, y, x).

    The centre of the grid is the voxel with index ``n // 2`` on each axis, odd n included.

    Parameters
    ----------
    shape
        Number of voxels (z, y, x).
    voxel_mm
        Distance between neighbouring voxels (z, y, x) [mm].
    axes_lps
        Rows are the unit vectors along which the indices z, y, x grow [3, 3], in LPS. They may be
        left-handed.
    centre_lps_mm
        Position of the voxel ``n // 2`` in patient coordinates (L, P, S) [mm].

    Raises
    ------
    HeaderError
        If a size is not positive, the axes are not orthonormal, or the grid is longer than
        `MAX_EXTENT_MM`.

    Examples
    --------
    >>> grid = Geometry((4, 5, 6), (2.0, 1.0, 1.0), np.eye(3)[::-1])
    >>> grid.affine_lps() @ (2, 2, 3, 1)
    array([0., 0., 0., 1.])
    """

    shape: Shape
    voxel_mm: Triple
    axes_lps: NDArray[np.float64] = field(repr=False)
    centre_lps_mm: Triple = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        axes = np.array(self.axes_lps, dtype=np.float64)
        if axes.shape != (3, 3) or not np.allclose(axes @ axes.T, np.eye(3), atol=_ORTHONORMAL):
            raise HeaderError(
                f"directions: found {axes.round(4).tolist()}, needed three orthogonal unit vectors"
            )
        if min(self.shape) < 1:
            raise HeaderError(f"matrix: found {self.shape}, needed at least 1 voxel on each axis")
        if not min(self.voxel_mm) > 0 or not np.isfinite(self.voxel_mm).all():
            raise HeaderError(f"voxel size: found {self.voxel_mm} mm, needed positive numbers")
        extents_mm = [n * mm for n, mm in zip(self.shape, self.voxel_mm, strict=True)]
        if max(extents_mm) > MAX_EXTENT_MM:
            raise HeaderError(
                f"matrix and voxel size: found {extents_mm[0]:g} × {extents_mm[1]:g} ×"
                f" {extents_mm[2]:g} mm (z, y, x), needed at most {MAX_EXTENT_MM:g} mm"
            )
        if not np.isfinite(self.centre_lps_mm).all():
            raise HeaderError(f"position: found {self.centre_lps_mm} mm, needed finite numbers")
        axes.setflags(write=False)
        object.__setattr__(self, "axes_lps", axes)

    def b0_axis(self) -> Triple:
        """Direction of B0 along the voxel axes (z, y, x), a unit vector.

        B0 is the patient's S axis: a patient who lies along the bore.

        >>> Geometry((1, 1, 1), (1, 1, 1), np.eye(3)[::-1]).b0_axis()
        (1.0, 0.0, 0.0)
        """
        z, y, x = self.axes_lps[:, 2] / np.linalg.norm(self.axes_lps[:, 2])
        return float(z), float(y), float(x)

    def affine_lps(self) -> NDArray[np.float64]:
        """Matrix from the index column (z, y, x, 1) to the position (L, P, S, 1) [4, 4]."""
        affine = np.eye(4)
        affine[:3, :3] = (self.axes_lps * np.array(self.voxel_mm)[:, None]).T
        middle = np.array([n // 2 for n in self.shape])
        affine[:3, 3] = np.array(self.centre_lps_mm) - affine[:3, :3] @ middle
        return affine

    def crop(self, start: Shape, shape: Shape) -> Geometry:
        """Grid of the block that begins at the index ``start``; it keeps the voxels in place."""
        middle = [s + n // 2 for s, n in zip(start, shape, strict=True)]
        left, posterior, superior, _ = self.affine_lps() @ (*middle, 1)
        return replace(
            self,
            shape=shape,
            centre_lps_mm=(float(left), float(posterior), float(superior)),
        )

    def apart_from(self, other: Geometry) -> str:
        """How this grid differs from another, in words for an error.

        >>> one = Geometry((4, 6, 8), (1, 1, 1), np.eye(3)[::-1])
        >>> one.apart_from(replace(one, shape=(2, 6, 8)))
        '8 × 6 × 4 voxels in place of 8 × 6 × 2'
        >>> one.apart_from(replace(one, voxel_mm=(1, 1, 2)))
        'corner voxels up to 4 mm away'
        """
        if self.shape != other.shape:
            ours, theirs = (" × ".join(map(str, grid.shape[::-1])) for grid in (self, other))
            return f"{ours} voxels in place of {theirs}"
        return f"corner voxels up to {self._away_mm(other):.3g} mm away"

    def same_as(self, other: Geometry, *, tolerance_mm: float = 1e-3) -> bool:
        """Whether every voxel of both grids lies at the same place."""
        if self.shape != other.shape:
            return False
        return self._away_mm(other) <= tolerance_mm

    def _away_mm(self, other: Geometry) -> float:
        """Largest way between corner voxels of two grids of one shape, along one axis [mm]."""
        corners = np.array([[0, 0, 0, 1], [*(n - 1 for n in self.shape), 1]], dtype=float).T
        inner = np.vstack([np.diag([n - 1 for n in self.shape]), np.ones(3)])
        points = np.hstack([corners, inner])
        away = (self.affine_lps() - other.affine_lps()) @ points
        return float(np.abs(away).max())
