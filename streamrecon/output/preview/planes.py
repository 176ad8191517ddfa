"""Orients slices as radiologists do: the patient's right on the left, anterior or head on top."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel
import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry, Shape
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
    planes = _three_planes(values, geometry, view)
    wide = [plane for plane in planes if min(plane.pixels.shape) >= _FEWEST]
    return wide or [max(planes, key=lambda plane: plane.pixels.size)]


def planes_at(values: NDArray[np.generic], geometry: Geometry, voxel: Shape) -> list[Plane]:
    """The axial, coronal and sagittal cut through a voxel, whole; hung as by `planes_of`.

    Parameters
    ----------
    values
        [Z, Y, X].
    geometry
        Grid of ``values``.
    voxel
        Index (z, y, x) of the voxel.
    """
    return _three_planes(values, geometry, View(fractions_of(voxel, geometry)))


def fractions_of(voxel: Shape, geometry: Geometry) -> Fractions:
    """How far a voxel (z, y, x) lies along the volume's sides."""
    fractions = np.empty(3)
    ours = zip(voxel[::-1], geometry.shape[::-1], _turn(geometry), strict=True)
    for index, n, (axis, way) in ours:
        fractions[int(axis)] = (index + 0.5) / n if way > 0 else (n - index - 0.5) / n
    left, posterior, superior = (float(each) for each in fractions)
    return left, posterior, superior


def fractions_at(at_lps_mm: Fractions, geometry: Geometry) -> Fractions | None:
    """The same of the voxel at a place of the patient (left, posterior, superior) [mm].

    ``None`` where the volume does not reach it.
    """
    index = np.linalg.inv(geometry.affine_lps()) @ (*at_lps_mm, 1.0)
    z, y, x = (round(float(each)) for each in index[:3])
    if not all(0 <= n < count for n, count in zip((z, y, x), geometry.shape, strict=True)):
        return None
    return fractions_of((z, y, x), geometry)


def _three_planes(values: NDArray[np.generic], geometry: Geometry, view: View) -> list[Plane]:
    grown, (mm_l, mm_p, mm_s) = along_lps(values, geometry)
    left, posterior, superior = (
        min(int(fraction * n), n - 1) for fraction, n in zip(view.cut, grown.shape, strict=True)
    )
    of_l, of_p, of_s = (
        slice(int(low * n), max(round(high * n), int(low * n) + 1))
        for low, high, n in zip(view.low, view.high, grown.shape, strict=True)
    )
    return [
        Plane("axial", grown[of_l, of_p, superior].T, (mm_p, mm_l), "RLAP"),
        Plane("coronal", grown[of_l, posterior, of_s][:, ::-1].T, (mm_s, mm_l), "RLSI"),
        Plane("sagittal", grown[left, of_p, of_s][:, ::-1].T, (mm_s, mm_p), "APSI"),
    ]


def along_lps(
    values: NDArray[np.generic], geometry: Geometry
) -> tuple[NDArray[np.generic], tuple[float, float, float]]:
    """The voxels with axes that grow to the left, posterior and superior; their size [mm]."""
    turn = _turn(geometry)
    spacing = np.empty(3)
    spacing[turn[:, 0].astype(int)] = geometry.voxel_mm[::-1]
    left, posterior, superior = (float(mm) for mm in spacing)
    grown = nibabel.apply_orientation(values.transpose(2, 1, 0), turn)
    return grown, (left, posterior, superior)


def _turn(geometry: Geometry) -> NDArray[np.float64]:
    """For each voxel axis (x, y, z) the axis L, P or S that it is nearest to, and which way."""
    affine = in_ras(np.empty(geometry.shape, np.bool_), geometry)[1]
    turn: NDArray[np.float64] = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt("LPS")
    )
    return turn
