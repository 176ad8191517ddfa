"""Cuts centre-lines into segments that are nearly straight, each with a curve of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from streamrecon.maps.centrelines import CentreLines
from streamrecon.model.geometry import Geometry

Real = NDArray[np.float64]

LENGTH_MM = 14.0
"""Longest segment: over more, a vein neither keeps its radius nor is a parabola."""
_SHORTEST_MM = 5.0
_FEWEST = 5  # points through which a parabola is more than a guess


@dataclass(frozen=True, slots=True, eq=False)
class VeinSegment:
    """A stretch of a vein in a frame of its own: along its chord, and twice across.

    Parameters
    ----------
    vein
        Number of the piece of the centre-lines that it is of.
    origin_mm
        A point on its chord (z, y, x), from the voxel (0, 0, 0) along the voxel axes.
    frame
        Unit vectors along the chord and across [3, 3], as rows (z, y, x).
    curve_mm
        Its middle is Σ curve[j]·tʲ across, at t mm along the chord [3, 2].
    half_mm
        It reaches from −half to half along the chord.
    radius_mm
        Of the vein mask about it.
    chi_ppm
        Median of the map along it.
    """

    vein: int
    origin_mm: Real
    frame: Real
    curve_mm: Real
    half_mm: float
    radius_mm: float
    chi_ppm: float

    def bend_rad(self) -> float:
        """Angle between its two ends' directions."""
        ends = [self.direction(t) for t in (-self.half_mm, self.half_mm)]
        return math.acos(min(1.0, float(np.dot(*ends))))

    def direction(self, t_mm: float) -> Real:
        """Unit vector along the vein in its frame, at t mm along the chord."""
        y, x = self.curve_mm[1] + 2 * t_mm * self.curve_mm[2]
        return np.array([1.0, y, x]) / math.sqrt(1 + y * y + x * x)

    def place_mm(self, t_mm: Real) -> Real:
        """Points on the vein [N, 3] (z, y, x), from the voxel (0, 0, 0)."""
        across = np.stack([np.ones_like(t_mm), t_mm, t_mm**2], -1) @ self.curve_mm
        return self.origin_mm + np.column_stack([t_mm, across]) @ self.frame


def vein_segments(lines: CentreLines, geometry: Geometry) -> list[VeinSegment]:
    """Segments of at most 14 mm, of equal length along each piece; none shorter than 5 mm."""
    found: list[VeinSegment] = []
    back = np.linalg.inv(geometry.affine_lps())
    index = np.c_[lines.position_lps_mm, np.ones(len(lines.vein))] @ back.T
    place = index[:, :3] * geometry.voxel_mm
    for vein in range(1, lines.length_mm.size + 1):
        those = np.flatnonzero(lines.vein == vein)
        order = those[in_order(place[those])]
        along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(place[order], axis=0), axis=1))]
        count = max(1, math.ceil(along[-1] / LENGTH_MM))
        part = np.minimum((along / (along[-1] + 1e-9) * count).astype(int), count - 1)
        for number in range(count):
            points = order[part == number]
            segment = segment_through(
                place[points],
                vein=vein,
                radius_mm=float(np.median(lines.radius_mm[points])) if points.size else 0.0,
                chi_ppm=float(np.median(lines.chi_ppm[points])) if points.size else 0.0,
            )
            if segment is not None:
                found.append(segment)
    return found


def segment_through(
    place_mm: Real, *, vein: int, radius_mm: float, chi_ppm: float
) -> VeinSegment | None:
    """The segment through points [N, 3] (z, y, x); None where they are too few or too close."""
    if len(place_mm) < _FEWEST:
        return None
    middle = place_mm.mean(axis=0)
    frame = np.linalg.svd(place_mm - middle, full_matrices=False)[2]
    local = (place_mm - middle) @ frame.T
    ends = local[:, 0].min(), local[:, 0].max()
    if ends[1] - ends[0] < _SHORTEST_MM:
        return None
    centre = (ends[0] + ends[1]) / 2
    t = local[:, 0] - centre
    curve = np.linalg.lstsq(np.stack([np.ones_like(t), t, t**2], -1), local[:, 1:], rcond=None)[0]
    return VeinSegment(
        vein=vein,
        origin_mm=middle + centre * frame[0],
        frame=frame,
        curve_mm=curve,
        half_mm=float(ends[1] - ends[0]) / 2,
        radius_mm=radius_mm,
        chi_ppm=chi_ppm,
    )


def in_order(place_mm: Real) -> NDArray[np.intp]:
    """Order of points along a plain path: from an end always to the nearest that is left."""
    away = np.linalg.norm(place_mm[:, None] - place_mm[None], axis=2)
    at = int(np.argmax(away[int(np.argmax(away[0]))]))
    waiting = np.ones(len(place_mm), bool)
    order = []
    while True:
        order.append(at)
        waiting[at] = False
        if not waiting.any():
            return np.array(order, np.intp)
        at = int(np.argmin(np.where(waiting, away[at], np.inf)))


def voxels_of_segments(
    segments: Sequence[VeinSegment], veins: NDArray[np.bool_], geometry: Geometry
) -> list[NDArray[np.intp]]:
    """Flat indices of the vein mask's voxels that are nearest to each segment's middle.

    A voxel that lies a voxel further out than its segment's radius is of a vein that is not read.
    """
    step_mm = min(geometry.voxel_mm) / 2
    points, numbers = [], []
    for number, segment in enumerate(segments):
        along = np.arange(-segment.half_mm, segment.half_mm + step_mm, step_mm)
        points.append(segment.place_mm(along))
        numbers.append(np.full(along.size, number))
    voxels = np.flatnonzero(veins)
    if not points or not voxels.size:
        return [np.zeros(0, np.intp) for _ in segments]
    places = np.stack(np.unravel_index(voxels, veins.shape), -1) * np.array(geometry.voxel_mm)
    away, nearest = cKDTree(np.concatenate(points)).query(places)
    owner = np.concatenate(numbers)[nearest]
    reach = np.array([segment.radius_mm for segment in segments]) + max(geometry.voxel_mm)
    owner[away > reach[owner]] = -1
    return [voxels[owner == number] for number in range(len(segments))]
