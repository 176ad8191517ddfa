"""Describes a grid of voxels as DICOM image planes; here columns precede rows, x precedes z."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry

_STANDARD = {  # along the plane's normal: what columns and rows of a radiologist's view point to
    0: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),  # sagittal: to P, to F
    1: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),  # coronal: to L, to F
    2: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),  # axial: to L, to P
}


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Where the slices of a volume lie, in DICOM's words.

    Parameters
    ----------
    orientation
        Direction in which the column index grows, then that of the row index (LPS).
    positions_mm
        Centre of each slice's first voxel [Z, 3].
    spacing_mm
        Between rows, then between columns.
    between_mm
        Between neighbouring slices.
    locations_mm
        Of each slice along the normal [Z].
    ranks
        From 0, in which order the slices follow the normal [Z].
    """

    orientation: tuple[float, ...]
    positions_mm: NDArray[np.float64]
    spacing_mm: tuple[float, float]
    between_mm: float
    locations_mm: NDArray[np.float64]
    ranks: NDArray[np.intp]


def planes_of(geometry: Geometry) -> Planes:
    """Planes of the grid; a left-handed one has its slices in falling order along the normal."""
    z, y, x = geometry.axes_lps
    normal = np.cross(x, y)
    affine = geometry.affine_lps()
    n_slices = geometry.shape[0]
    positions = affine[:3, 3] + np.arange(n_slices)[:, None] * affine[:3, 0]
    order = np.arange(n_slices)
    return Planes(
        orientation=(*x.tolist(), *y.tolist()),
        positions_mm=positions,
        spacing_mm=(geometry.voxel_mm[1], geometry.voxel_mm[2]),
        between_mm=geometry.voxel_mm[0],
        locations_mm=positions @ normal,
        ranks=order if z @ normal > 0 else order[::-1],
    )


def upright(
    geometry: Geometry, values: NDArray[np.generic]
) -> tuple[Geometry, NDArray[np.generic]]:
    """The same voxels at the same places, rows and columns turned as a radiologist looks at them.

    Of the eight ways to turn and mirror a slice it takes the one nearest to the standard view of
    the plane. Slices keep their order. No voxel is interpolated, and none moves in the patient.
    """
    normal = np.cross(geometry.axes_lps[2], geometry.axes_lps[1])
    along_columns, _ = _STANDARD[int(np.abs(normal).argmax())]
    y, x = np.abs(geometry.axes_lps[1:] @ along_columns)
    if y > x:
        geometry, values = _swapped(geometry), values.swapaxes(1, 2)
    for axis, wanted in zip((2, 1), _STANDARD[int(np.abs(normal).argmax())], strict=True):
        if geometry.axes_lps[axis] @ wanted < 0:
            geometry, values = _reversed(geometry, axis), np.flip(values, axis)
    return geometry, values


def _swapped(geometry: Geometry) -> Geometry:
    """Rows for columns; the voxel ``n // 2`` stays the voxel ``n // 2``."""
    z, y, x = geometry.shape
    dz, dy, dx = geometry.voxel_mm
    return replace(
        geometry, shape=(z, x, y), voxel_mm=(dz, dx, dy), axes_lps=geometry.axes_lps[[0, 2, 1]]
    )


def _reversed(geometry: Geometry, axis: int) -> Geometry:
    """Index counted from the other end."""
    axes = np.array(geometry.axes_lps)
    middle = [n // 2 for n in geometry.shape]
    middle[axis] = geometry.shape[axis] - 1 - middle[axis]
    left, posterior, superior, _ = geometry.affine_lps() @ (*middle, 1)
    axes[axis] = -axes[axis]
    centre = (float(left), float(posterior), float(superior))
    return replace(geometry, axes_lps=axes, centre_lps_mm=centre)
