"""Finds the centre-lines of veins, with radius and angle to B0 at every point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve, distance_transform_edt, label
from scipy.spatial import cKDTree

from streamrecon.maps._ridge_kernels import thin
from streamrecon.model.geometry import Geometry, Triple

Flags = NDArray[np.bool_]

_FEWEST = 3  # points in a piece that has a direction
_AROUND_MM = 3.0  # of a centre-line that shows its direction and carries its volume
_CORNERS = np.ones((3, 3, 3), bool)
_COLUMNS = "vein,left_mm,posterior_mm,superior_mm,radius_mm,angle_to_b0_deg,chi_ppm"


@dataclass(frozen=True, slots=True, eq=False)
class CentreLines:
    """Points along the veins' middle, one a row of every array.

    Parameters
    ----------
    vein
        Number of the piece between two forks or ends [N], from 1.
    position_lps_mm
        Where it lies in the patient [N, 3].
    radius_mm
        Radius of the vein there [N]: that of a cylinder of its volume.
    angle_rad
        Between the vein and B0 [N], 0 … π/2.
    chi_ppm
        Susceptibility at the point itself [N]; thin veins show less than they have.
    length_mm
        Length of each piece [number of pieces].
    """

    vein: NDArray[np.int64]
    position_lps_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]
    angle_rad: NDArray[np.float64]
    chi_ppm: NDArray[np.float64]
    length_mm: NDArray[np.float64]

    def __str__(self) -> str:
        """Number, length and width of the veins, in a sentence."""
        if not self.length_mm.size:
            return "veins: none found"
        return (
            f"veins: {self.length_mm.size} pieces, {self.length_mm.sum() / 1e3:.2f} m, "
            f"median radius {np.median(self.radius_mm):.2f} mm"
        )

    def as_csv(self) -> str:
        """Table with a line of names; lengths in mm, angles in degrees, in LPS."""
        rows = np.column_stack(
            [
                self.vein,
                self.position_lps_mm,
                self.radius_mm,
                np.degrees(self.angle_rad),
                self.chi_ppm,
            ]
        )
        lines = (
            f"{row[0]:.0f},{row[1]:.2f},{row[2]:.2f},{row[3]:.2f},"
            f"{row[4]:.3f},{row[5]:.1f},{row[6]:.4f}"
            for row in rows
        )
        return "\n".join([_COLUMNS, *lines, ""])


def trace_veins(veins: Flags, chi_ppm: NDArray[np.floating], geometry: Geometry) -> CentreLines:
    """Thin a vein mask to lines and measure along them.

    Voxels are taken off from the surface inwards, in the order of their distance to it in mm, as
    long as nothing is cut or joined and ends stay. Forks are left out, which makes each piece a
    plain path. Direction and volume are those within 3 mm along the same piece.

    The line is a chain of voxels: positions are within a voxel, angles within about 10° on a
    piece of 6 mm, and better on longer ones. Radii are of the mask, which is of whole voxels: below
    one voxel they are too large. The volume at a fork is no piece's.

    Parameters
    ----------
    veins
        Mask [Z, Y, X], see `streamrecon.maps.veins.find_veins`.
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    geometry
        Their grid, which also says where B0 points.
    """
    line = centre_line(veins, geometry.voxel_mm)
    pieces = _between_forks(line)
    at = np.argwhere(pieces)
    vein = pieces[tuple(at.T)].astype(np.int64)
    place = at * np.array(geometry.voxel_mm)
    direction, extent_mm, near = _along(place, vein)
    volume = _volumes(veins, line, geometry.voxel_mm)[tuple(at.T)]
    around = np.array([volume[those].sum() for those in near])
    return CentreLines(
        vein=vein,
        position_lps_mm=(geometry.affine_lps() @ np.c_[at, np.ones(len(at))].T)[:3].T,
        radius_mm=np.sqrt(around / (math.pi * extent_mm)),
        angle_rad=np.arccos(np.clip(np.abs(direction @ geometry.b0_axis()), 0, 1)),
        chi_ppm=chi_ppm[tuple(at.T)].astype(np.float64),
        length_mm=_lengths(at, vein, geometry.voxel_mm),
    )


def centre_line(solid: Flags, voxel_mm: Triple) -> Flags:
    """Lines one voxel wide with the pieces, loops and ends of ``solid`` [Z, Y, X]."""
    padded = np.pad(solid, 1)
    depth = distance_transform_edt(padded, sampling=voxel_mm)
    voxels = np.argwhere(padded)
    voxels = voxels[np.argsort(depth[padded], kind="stable")]
    remaining = padded.astype(np.uint8)
    thin(voxels, remaining)
    return remaining[1:-1, 1:-1, 1:-1].astype(bool)


def _between_forks(line: Flags) -> NDArray[np.int32]:
    """Numbers of the plain paths that are left without the forks [Z, Y, X], from 1."""
    neighbours = convolve(line.astype(np.uint8), _CORNERS.astype(np.uint8), mode="constant") - 1
    pieces, count = label(line & (neighbours <= 2), _CORNERS)
    kept = np.bincount(pieces.ravel(), minlength=count + 1) >= _FEWEST
    kept[0] = False
    return np.asarray(np.where(kept, np.cumsum(kept), 0)[pieces], np.int32)


def _along(
    place: NDArray[np.float64], vein: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[NDArray[np.int64]]]:
    """Direction [N, 3], length of line about each point [N, mm], and the points it has."""
    direction = np.zeros_like(place)
    extent = np.ones(len(place))
    near: list[NDArray[np.int64]] = []
    if not len(place):
        return direction, extent, near
    for i, found in enumerate(cKDTree(place).query_ball_point(place, _AROUND_MM)):
        those = np.array(found)[vein[found] == vein[i]]
        away = place[those] - place[those].mean(axis=0)
        direction[i] = np.linalg.svd(away, full_matrices=False)[2][0]
        along = away @ direction[i]
        n = len(those)
        extent[i] = (along.max() - along.min()) * n / (n - 1) if n > 1 else np.inf
        near.append(those)
    return direction, extent, near


def _volumes(veins: Flags, line: Flags, voxel_mm: Triple) -> NDArray[np.float64]:
    """Volume [mm³] of the vein's voxels that are nearest to each point of the line [Z, Y, X]."""
    if not line.any():
        return np.zeros(line.shape)
    nearest = distance_transform_edt(
        ~line, sampling=voxel_mm, return_distances=False, return_indices=True
    )
    owner = np.ravel_multi_index(tuple(axis[veins] for axis in nearest), line.shape)
    volume = np.bincount(owner, minlength=line.size) * math.prod(voxel_mm)
    return np.asarray(volume.reshape(line.shape))


def _lengths(
    at: NDArray[np.int64], vein: NDArray[np.int64], voxel_mm: Triple
) -> NDArray[np.float64]:
    """Length of each piece [mm]: all its steps from voxel to voxel."""
    count = int(vein.max(initial=0))
    if not count:
        return np.zeros(0)
    one, other = cKDTree(at).query_pairs(1.0, p=np.inf, output_type="ndarray").T
    same = vein[one] == vein[other]
    steps = np.linalg.norm((at[one] - at[other]) * voxel_mm, axis=1)[same]
    return np.asarray(np.bincount(vein[one][same], steps, count + 1)[1:], np.float64)
