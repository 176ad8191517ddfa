"""How much vein a region has: length of centre-lines and volume of the mask, per volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.oxygen.vein_segments import in_order
from streamrecon.analysis.reading import Value
from streamrecon.maps.centrelines import CentreLines
from streamrecon.model.geometry import Geometry

Real = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class VeinDensity:
    """Veins of one region.

    Parameters
    ----------
    length_mm
        Of centre-lines inside.
    volume_mm3
        Of the region.
    vein_mm3
        Of the vein mask inside; it is of whole voxels, so thin veins count too much.
    voxels
        Of the region.
    """

    length_mm: float
    volume_mm3: float
    vein_mm3: float
    voxels: int

    @property
    def per_area(self) -> float:
        """Length per volume [mm/mm³]."""
        return self.length_mm / self.volume_mm3

    @property
    def fraction(self) -> float:
        """Volume of veins over that of the region."""
        return self.vein_mm3 / self.volume_mm3


def vein_density(
    lines: CentreLines, veins: Flags, region: Flags, geometry: Geometry
) -> VeinDensity:
    """Length and volume of the veins inside a region.

    Each point of a centre-line carries half the way to either neighbour along the smoothed line;
    a chain of voxels itself is up to a tenth longer than the vein. The voxels of forks are no
    part of a piece, so about a voxel's width is lost at each; veins that the mask missed are not
    there, so densities of scans of unlike resolution or noise do not compare.

    Parameters
    ----------
    lines
        Of `streamrecon.maps.centrelines.trace_veins`.
    veins
        The mask they were traced in [Z, Y, X].
    region
        [Z, Y, X], not empty.
    geometry
        Grid of both.
    """
    voxel_mm3 = float(np.prod(geometry.voxel_mm))
    index = _voxels_of(lines, geometry)
    inside = region[tuple(index.T)]
    return VeinDensity(
        length_mm=float(point_lengths(lines)[inside].sum()),
        volume_mm3=float(region.sum()) * voxel_mm3,
        vein_mm3=float((veins & region).sum()) * voxel_mm3,
        voxels=int(region.sum()),
    )


def point_lengths(lines: CentreLines) -> Real:
    """Length of line that each point stands for [N, mm]."""
    length = np.zeros(len(lines.vein))
    for vein in range(1, lines.length_mm.size + 1):
        those = np.flatnonzero(lines.vein == vein)
        order = those[in_order(lines.position_lps_mm[those])]
        steps = np.linalg.norm(np.diff(_smoothed(lines.position_lps_mm[order]), axis=0), axis=1)
        length[order[:-1]] += steps / 2
        length[order[1:]] += steps / 2
    return length


def density_values(subject: str, density: VeinDensity) -> tuple[Value, ...]:
    """The rows of a region in a report."""
    return tuple(
        Value(subject=subject, name=name, number=number, unit=unit, voxels=density.voxels)
        for name, number, unit in (
            ("vein_length_density", density.per_area, "mm/mm3"),
            ("vein_volume_fraction", density.fraction, ""),
            ("vein_length", density.length_mm, "mm"),
        )
    )


def _voxels_of(lines: CentreLines, geometry: Geometry) -> NDArray[np.intp]:
    back = np.linalg.inv(geometry.affine_lps())
    index = np.c_[lines.position_lps_mm, np.ones(len(lines.vein))] @ back.T
    return np.asarray(np.round(index[:, :3]), np.intp)


def _smoothed(place_mm: Real) -> Real:
    """A path whose corners are rounded twice; its ends stay."""
    path = np.array(place_mm)
    for _ in range(2):
        path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    return path
