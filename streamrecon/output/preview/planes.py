"""Orients slices as radiologists do: the patient's right on the left, anterior or head on top."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel
import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.output.ras import in_ras

_FEWEST = 8  # voxels along a side, below which a cut shows nothing

Fractions = tuple[float, float, float]
"""Of a volume's sides towards L, P and S, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class View:
    """Where volumes of one field of view are cut, and what of the cuts is shown.

    Parameters
    ----------
    cut
        The voxel where the planes meet.
    low, high
        Corners of the box that is shown.
    """

    cut: Fractions = (0.5, 0.5, 0.5)
    low: Fractions = (0.0, 0.0, 0.0)
    high: Fractions = (1.0, 1.0, 1.0)


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

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width [mm]."""
        rows, columns = self.pixels.shape
        return rows * self.pixel_mm[0], columns * self.pixel_mm[1]


def planes_of(values: NDArray[np.generic], geometry: Geometry, view: View) -> list[Plane]:
    """The cuts of a view that show something, axial first.

    Oblique grids are not resampled: each voxel axis is drawn along the patient axis that it is
    nearest to. A single thick slice gives one plane.

    Parameters
    ----------
    values
        [Z, Y, X].
    geometry
        Grid of ``values``.
    view
        Where to cut, and what to show.
    """
    grown, (mm_l, mm_p, mm_s) = along_lps(values, geometry)
    left, posterior, superior = (
        min(int(fraction * n), n - 1) for fraction, n in zip(view.cut, grown.shape, strict=True)
    )
    of_l, of_p, of_s = (
        slice(int(low * n), max(round(high * n), int(low * n) + 1))
        for low, high, n in zip(view.low, view.high, grown.shape, strict=True)
    )
    planes = [
        Plane("axial", grown[of_l, of_p, superior].T, (mm_p, mm_l), "RLAP"),
        Plane("coronal", grown[of_l, posterior, of_s][:, ::-1].T, (mm_s, mm_l), "RLSI"),
        Plane("sagittal", grown[left, of_p, of_s][:, ::-1].T, (mm_s, mm_p), "APSI"),
    ]
    wide = [plane for plane in planes if min(plane.pixels.shape) >= _FEWEST]
    return wide or [max(planes, key=lambda plane: plane.pixels.size)]


def along_lps(
    values: NDArray[np.generic], geometry: Geometry
) -> tuple[NDArray[np.generic], tuple[float, float, float]]:
    """The voxels with axes that grow to the left, posterior and superior; their size [mm]."""
    data, affine = in_ras(values, geometry)
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt("LPS")
    )
    spacing = np.empty(3)
    spacing[turn[:, 0].astype(int)] = geometry.voxel_mm[::-1]
    left, posterior, superior = (float(mm) for mm in spacing)
    return nibabel.apply_orientation(data, turn), (left, posterior, superior)
