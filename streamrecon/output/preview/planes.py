"""Orients slices as radiologists do: the patient's right on the left, anterior or head on top."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel
import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry, Shape
from streamrecon.output.ras import in_ras

_FEWEST = 8  # voxels along a side, below which a cut shows nothing


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A cut through a volume.

    Parameters
    ----------
    name
        The anatomical plane it is nearest to.
    pixels
        [row, column]; rows go down.
    pixel_mm
        Size of a pixel (row, column) [mm].
    edges
        Letters at the left, right, top and bottom: R, L, A, P, S or I.
    """

    name: str
    pixels: NDArray[np.generic]
    pixel_mm: tuple[float, float]
    edges: str


def middle_planes(values: NDArray[np.generic], geometry: Geometry) -> list[Plane]:
    """The cuts through the centre voxel that show something, axial first.

    A single thick slice gives one plane; see `planes_at`.
    """
    z, y, x = (n // 2 for n in geometry.shape)
    planes = planes_at(values, geometry, (z, y, x))
    wide = [plane for plane in planes if min(plane.pixels.shape) >= _FEWEST]
    return wide or [max(planes, key=lambda plane: plane.pixels.size)]


def planes_at(values: NDArray[np.generic], geometry: Geometry, voxel: Shape) -> list[Plane]:
    """The axial, coronal and sagittal cut through a voxel.

    Oblique grids are not resampled: each voxel axis is drawn along the patient axis that it is
    nearest to.

    Parameters
    ----------
    values
        [Z, Y, X].
    geometry
        Grid of ``values``.
    voxel
        Index (z, y, x) of the voxel.
    """
    data, affine = in_ras(values, geometry)
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt("LPS")
    )
    spacing, place = np.empty(3), np.empty(3, int)
    axes = turn[:, 0].astype(int)
    spacing[axes] = geometry.voxel_mm[::-1]
    place[axes] = [
        index if way > 0 else n - 1 - index
        for index, n, way in zip(voxel[::-1], data.shape, turn[:, 1], strict=True)
    ]
    grown = nibabel.apply_orientation(data, turn)
    (left, posterior, superior), (mm_l, mm_p, mm_s) = place, map(float, spacing)
    return [
        Plane("axial", grown[:, :, superior].T, (mm_p, mm_l), "RLAP"),
        Plane("coronal", grown[:, posterior, ::-1].T, (mm_s, mm_l), "RLSI"),
        Plane("sagittal", grown[left, :, ::-1].T, (mm_s, mm_p), "APSI"),
    ]
