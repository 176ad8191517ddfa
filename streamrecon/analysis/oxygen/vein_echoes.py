"""Fits the veins of a scan in its complex echoes, one segment after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from streamrecon.analysis.oxygen.tube._tube_kernels import dipole_sum
from streamrecon.analysis.oxygen.tube.plane_nodes import plane_nodes
from streamrecon.analysis.oxygen.tube.tube_fit import TubeFit, fit_tube
from streamrecon.analysis.oxygen.tube.tube_model import (
    BLOOD,
    CURVE,
    DECAY,
    N_PARAMETERS,
    NEIGHBOURS,
    RADIUS,
    VesselModel,
    VesselVoxels,
)
from streamrecon.analysis.oxygen.tube.tube_texture import VoxelBox
from streamrecon.analysis.oxygen.tube.tube_transform import ALPHA_MAX
from streamrecon.analysis.oxygen.vein_segments import VeinSegment
from streamrecon.errors import ReconError
from streamrecon.maps.centrelines import CentreLines
from streamrecon.maps.veins import surroundings
from streamrecon.model.geometry import Geometry, Triple
from streamrecon.units import hz_per_ppm

Real = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FEWEST_ECHOES = 3
_LARGEST_PPM = 1.0  # of a vein; echoes so late that its wall turns further than the tables are left
_REACH_PIXELS, _REACH_RADII = 4.5, 2.5
_CLEAR_PIXELS = 1.5  # from other veins
_NEAR_MM = 20.0  # farther neighbours only shift the field smoothly
_FEWEST_VOXELS = 150


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VeinScan:
    """What the fit needs of a scan.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X], phase growing with the field, not filtered.
    te_s
        Their times [s], growing.
    b0_t
        Field strength [T].
    trusted
        Voxels with signal [Z, Y, X]; it need not be eroded.
    geometry
        Their grid.
    resolution_mm
        Acquired voxel size (z, y, x), larger than the grid's where zeros were filled in.
    """

    echoes: NDArray[np.complexfloating]
    te_s: Sequence[float]
    b0_t: float
    trusted: Flags
    geometry: Geometry
    resolution_mm: Triple

    def __post_init__(self) -> None:
        if len(self.te_s) != len(self.echoes):
            raise ReconError(
                f"oximetry: found {len(self.echoes)} echoes and {len(self.te_s)} echo times"
            )
        if len(self.te_s) < _FEWEST_ECHOES:
            raise ReconError(
                f"oximetry: found {len(self.te_s)} echoes, needed {_FEWEST_ECHOES}: "
                "blood's decay and susceptibility cannot be told apart in fewer"
            )

    @property
    def rad_per_ppm_s(self) -> float:
        """Turn by a relative field of 1 ppm [rad/(ppm·s)]."""
        return 2 * math.pi * hz_per_ppm(self.b0_t)


@dataclass(frozen=True, slots=True, eq=False)
class VeinSources:
    """The voxels of all veins as dipoles, to take their field off where another vein is fitted.

    Parameters
    ----------
    place_mm
        Of each voxel of the vein mask [M, 3] (z, y, x), from the voxel (0, 0, 0).
    moment
        Susceptibility above the surroundings, times volume [M, ppm·mm³].
    vein
        Number of the nearest centre-line [M].
    """

    place_mm: Real
    moment: Real
    vein: NDArray[np.int64]


def vein_sources(
    lines: CentreLines, veins: Flags, chi_ppm: NDArray[np.floating], geometry: Geometry
) -> VeinSources:
    """Dipoles of the vein mask [Z, Y, X] in a susceptibility map [Z, Y, X, ppm]."""
    back = np.linalg.inv(geometry.affine_lps())
    points = np.c_[lines.position_lps_mm, np.ones(len(lines.vein))] @ back.T
    number = np.zeros(geometry.shape, np.int64)
    number[tuple(np.round(points[:, :3]).astype(int).T)] = lines.vein
    nearest = distance_transform_edt(
        number == 0, sampling=geometry.voxel_mm, return_distances=False, return_indices=True
    )
    known = np.isfinite(chi_ppm) & (chi_ppm != 0) & ~veins
    around = surroundings(np.asarray(chi_ppm, np.float32), known, geometry.voxel_mm)
    above = np.where(veins, chi_ppm - around, 0)[veins]
    return VeinSources(
        np.argwhere(veins) * np.array(geometry.voxel_mm),
        np.asarray(above, np.float64) * math.prod(geometry.voxel_mm),
        number[tuple(nearest[:, veins])],
    )


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFit:
    """A segment as its echoes have it.

    Parameters
    ----------
    fit
        What the echoes say.
    pixel_mm
        What the scan resolves across it: the side of a square of as much area as the polygon in
        k-space has, or of a cube of the voxel's volume, whichever is larger.
    gap_mm
        From its middle line to the nearest voxel of another vein; infinite where there is none.
    blood
        Fraction of each voxel about it that is blood, through the point spread [N].
    voxels
        Their indices [N, 3].
    """

    fit: TubeFit
    pixel_mm: float
    gap_mm: float
    blood: Real
    voxels: NDArray[np.intp]


def fit_segment(scan: VeinScan, segment: VeinSegment, sources: VeinSources) -> SegmentFit | None:
    """Fit one segment; None where too few voxels about it can be used.

    Other veins enter as dipoles of the map, with a common factor that is fitted; voxels within
    1.5 pixels of them are left out.
    """
    voxel_mm = np.array(scan.geometry.voxel_mm)
    pixel_mm = _pixel_mm(segment, scan)
    radius = min(max(segment.radius_mm, 0.5 * pixel_mm), 3 * pixel_mm)
    reach = max(_REACH_PIXELS * pixel_mm, _REACH_RADII * radius + 2 * pixel_mm)
    others = _near(sources, segment, reach + segment.half_mm + _NEAR_MM)
    voxels = _about(segment, reach, scan)
    place = voxels * voxel_mm
    gap = _distance(others.place_mm, segment.place_mm(_steps(segment))).min(initial=np.inf)
    close = _distance(others.place_mm, place) < _CLEAR_PIXELS * pixel_mm
    voxels, place = voxels[~close], place[~close]
    if len(voxels) < _FEWEST_VOXELS:
        return None
    b0 = np.array(scan.geometry.b0_axis())
    local = (place - segment.origin_mm) @ segment.frame.T
    used = np.array(scan.te_s) <= 2 * ALPHA_MAX / (scan.rad_per_ppm_s * _LARGEST_PPM)
    model = VesselModel(
        segment,
        VesselVoxels(
            local_mm=local,
            te_s=np.array(scan.te_s)[used],
            rad_per_ppm_s=scan.rad_per_ppm_s,
            b0=segment.frame @ b0,
            neighbours_ppm=dipole_sum(others.place_mm, others.moment, place, b0),
        ),
        scan.resolution_mm,
        reach + pixel_mm,
    )
    signal = _without_ramps(scan.echoes, np.flatnonzero(used), voxels)
    fit = fit_tube(
        model,
        signal,
        _smooth_functions(local, segment.half_mm, reach),
        _start(segment, radius),
        box=VoxelBox(voxels, scan.geometry.voxel_mm),
    )
    return SegmentFit(fit, pixel_mm, float(gap), model.blood_fraction(fit.parameters), voxels)


def _pixel_mm(segment: VeinSegment, scan: VeinScan) -> float:
    nodes = plane_nodes(segment.frame[1:], scan.resolution_mm, max(scan.resolution_mm))
    across = 1 / math.sqrt(float(nodes.weight.sum()))
    return max(across, float(np.cbrt(math.prod(scan.resolution_mm))))


def _steps(segment: VeinSegment) -> Real:
    return np.linspace(-segment.half_mm, segment.half_mm, 15)


def _near(sources: VeinSources, segment: VeinSegment, reach_mm: float) -> VeinSources:
    """Other veins' voxels within reach of the segment's middle."""
    away = np.linalg.norm(sources.place_mm - segment.origin_mm, axis=1)
    those = (away < reach_mm) & (sources.vein != segment.vein)
    return VeinSources(sources.place_mm[those], sources.moment[those], sources.vein[those])


def _about(segment: VeinSegment, reach_mm: float, scan: VeinScan) -> NDArray[np.intp]:
    """Trusted voxels [N, 3] beside the segment, along it; none beyond its ends."""
    voxel_mm, shape = np.array(scan.geometry.voxel_mm), np.array(scan.geometry.shape)
    corners = segment.place_mm(_steps(segment))
    low = np.clip(np.floor((corners.min(0) - reach_mm) / voxel_mm), 0, shape).astype(int)
    high = np.clip(np.ceil((corners.max(0) + reach_mm) / voxel_mm) + 1, 0, shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    voxels = np.argwhere(scan.trusted[box]) + low
    local = (voxels * voxel_mm - segment.origin_mm) @ segment.frame.T
    t = local[:, 0]
    beside = local[:, 1:] - np.stack([np.ones_like(t), t, t**2], -1) @ segment.curve_mm
    kept = np.flatnonzero((np.abs(t) <= segment.half_mm) & (np.hypot(*beside.T) <= reach_mm))
    return np.asarray(voxels[kept[np.argsort(t[kept], kind="stable")]], np.intp)


def _without_ramps(
    echoes: NDArray[np.complexfloating], used: NDArray[np.intp], voxels: NDArray[np.intp]
) -> NDArray[np.complex128]:
    """Signals [E, N] of the voxels, turned back by each echo's mean step from voxel to voxel."""
    low, high = voxels.min(0), voxels.max(0) + 1
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    block = echoes[(slice(None), *box)][used]  # cut first: all echoes are a hundred megabytes
    signal = block[(slice(None), *(voxels - low).T)].astype(np.complex128)
    steps = np.stack(
        [np.angle(_pairs(block, axis).sum(axis=(1, 2, 3))) for axis in range(1, 4)]
    )  # [3, E]
    return np.asarray(signal * np.exp(-1j * ((voxels - voxels.mean(0)) @ steps).T))


def _pairs(block: NDArray[np.complexfloating], axis: int) -> NDArray[np.complexfloating]:
    """Each voxel's next along an axis times its own conjugate."""
    n = block.shape[axis]
    return block.take(range(1, n), axis) * block.take(range(n - 1), axis).conj()


def _distance(to_mm: Real, from_mm: Real) -> Real:
    """From each place to the nearest of others."""
    if not len(to_mm):
        return np.full(len(from_mm), np.inf)
    return np.asarray(cKDTree(to_mm).query(from_mm)[0])


def _smooth_functions(local_mm: Real, half_mm: float, reach_mm: float) -> Real:
    """Polynomials of second order [N, 10]."""
    t, y, x = (local_mm / (half_mm, reach_mm, reach_mm)).T
    return np.stack([np.ones_like(t), t, y, x, t * t, y * y, x * x, t * y, t * x, y * x], -1)


def _start(segment: VeinSegment, radius_mm: float) -> Real:
    start = np.zeros(N_PARAMETERS)
    start[RADIUS] = math.log(radius_mm)
    start[BLOOD], start[DECAY] = math.log(0.9), 20.0
    start[CURVE:NEIGHBOURS] = segment.curve_mm.ravel()
    return start
