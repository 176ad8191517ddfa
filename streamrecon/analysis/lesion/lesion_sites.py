"""Where a lesion may be: compact places of susceptibility that no vein runs through."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from streamrecon.errors import ReconError
from streamrecon.maps.blobs import find_blobs
from streamrecon.maps.veins import surroundings
from streamrecon.model.geometry import Geometry, Shape, Triple

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]
Box = tuple[slice, slice, slice]

_CORNERS = np.ones((3, 3, 3), bool)
_OF_PEAK = 0.4  # below half: the map shows small things wider than they are
_REACH_MM = 8.0
_LONGEST_MM = 12.0
_LONG = 3.0  # longest over shortest axis of a vessel
_WIDE = 2.2  # longest over middle axis: a vessel is long in one direction only
_FEW = 6  # voxels that have no axes to speak of


@dataclass(frozen=True, slots=True, eq=False)
class LesionMaps:
    """What lesions are read from, all [Z, Y, X] on one grid.

    Parameters
    ----------
    chi_ppm
        Susceptibility [ppm].
    local_field_ppm, field_sd_ppm
        The field that it was made of, and its standard deviation by noise [ppm].
    mask
        Where they are known.
    geometry
        Their grid.
    magnitude, te_s
        Echoes [E, Z, Y, X] and their times [s].
    b0_t
        Field strength [T].
    r2_star_per_s, veins
        Decay rate [1/s], and voxels of veins, where there are such maps.
    resolution_mm
        Acquired voxel (z, y, x), where it is not that of the grid [mm].

    Raises
    ------
    ReconError
        If shapes differ or the mask is empty.
    """

    chi_ppm: Real
    local_field_ppm: Real
    field_sd_ppm: Real
    mask: Flags
    geometry: Geometry
    magnitude: Real
    te_s: tuple[float, ...]
    b0_t: float
    r2_star_per_s: Real | None = None
    veins: Flags | None = None
    resolution_mm: Triple | None = None

    def __post_init__(self) -> None:
        given = (self.chi_ppm, self.local_field_ppm, self.field_sd_ppm, self.mask)
        more = (self.r2_star_per_s, self.veins, *self.magnitude)
        for each in (*given, *(one for one in more if one is not None)):
            if each.shape != self.geometry.shape:
                needed = self.geometry.shape
                raise ReconError(f"lesions: found a map of {each.shape}, needed {needed}")
        if not self.mask.any():
            raise ReconError("lesions: the mask is empty")
        echoes = len(self.magnitude)
        if echoes != len(self.te_s) or not echoes:
            raise ReconError(f"lesions: found {echoes} magnitudes, {len(self.te_s)} echo times")


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A compact place.

    Parameters
    ----------
    voxel
        Its strongest voxel (z, y, x).
    contrast_ppm
        How far χ there stands out of its surroundings [ppm], signed.
    box, region
        Part of the grid around it, and its voxels in there.
    axes_mm
        Standard deviations of the region along its own axes, ascending [mm].
    in_vein
        Fraction of the region that lies in veins.
    """

    voxel: Shape
    contrast_ppm: float
    box: Box
    region: Flags
    axes_mm: tuple[float, float, float]
    in_vein: float

    @property
    def sphericity(self) -> float:
        """Shortest over longest axis, 1 for a ball."""
        return self.axes_mm[0] / self.axes_mm[2]


def contrast_of(maps: LesionMaps) -> Real:
    """χ less the mean of its surroundings without veins [Z, Y, X, ppm], 0 outside the mask."""
    chi = np.where(maps.mask, maps.chi_ppm, 0).astype(np.float32)
    known = maps.mask if maps.veins is None else maps.mask & ~maps.veins
    around = surroundings(chi, known, maps.geometry.voxel_mm)
    return np.asarray(np.where(maps.mask, chi - around, 0), np.float32)


def find_sites(maps: LesionMaps, contrast: Real, *, contrast_ppm: float) -> Iterator[Site]:
    """Compact places, the strongest blob first; none holds the peak of an earlier one.

    A place is what hangs together above 0.4 of its peak. It is left out if it goes on for more
    than 8 mm from its peak or 12 mm in all, or is longer than 3 times its width, or 2.2 times
    its breadth: a vein, a sinus, a fold of the cortex; and so is a haematoma of that size.

    Parameters
    ----------
    maps
        The scan.
    contrast
        χ less its surroundings, see `contrast_of`.
    contrast_ppm
        Weakest peak [ppm].
    """
    taken = np.zeros(maps.mask.shape, bool)
    blobs = find_blobs(maps.chi_ppm, maps.mask, maps.geometry, contrast_ppm=contrast_ppm)
    for blob in blobs:
        sign = math.copysign(1.0, blob.contrast_ppm)
        peak = _peak_beside(contrast, blob.voxel, sign)
        if taken[peak] or taken[blob.voxel] or sign * contrast[peak] < contrast_ppm:
            continue
        site = _grown(maps, contrast, peak, sign)
        if site is None:
            continue
        taken[site.box] |= binary_dilation(site.region, _CORNERS)
        yield site


def _peak_beside(contrast: Real, voxel: Shape, sign: float) -> Shape:
    """The strongest voxel of the 3 x 3 x 3 block about one."""
    box = tuple(slice(max(n - 1, 0), n + 2) for n in voxel)
    block = sign * contrast[box]
    steps = np.unravel_index(int(np.argmax(block)), block.shape)
    z, y, x = (each.start + int(step) for each, step in zip(box, steps, strict=True))
    return z, y, x


def _grown(maps: LesionMaps, contrast: Real, peak: Shape, sign: float) -> Site | None:
    """The region about a peak; ``None`` where it is no compact place."""
    voxel_mm = maps.geometry.voxel_mm
    box = box_about(peak, _REACH_MM, maps.geometry)
    pieces, _ = label(sign * contrast[box] >= _OF_PEAK * sign * contrast[peak], _CORNERS)
    inner = tuple(n - each.start for n, each in zip(peak, box, strict=True))
    region = np.asarray(pieces == pieces[inner])
    if _goes_on(region, box, maps.geometry.shape):
        return None
    at = np.argwhere(region)
    axes = _axes_mm(at * np.array(voxel_mm), voxel_mm)
    if math.sqrt(12) * axes[2] > _LONGEST_MM or _is_long(axes, len(at)):
        return None
    veins = 0.0 if maps.veins is None else float(maps.veins[box][region].mean())
    return Site(peak, float(contrast[peak]), box, region, axes, veins)


def _goes_on(region: Flags, box: Box, shape: Shape) -> bool:
    """Whether it reaches a side of the box that is not one of the grid."""
    for axis, (each, n) in enumerate(zip(box, shape, strict=True)):
        if each.start > 0 and region.take(0, axis).any():
            return True
        if each.stop < n and region.take(-1, axis).any():
            return True
    return False


def _is_long(axes_mm: tuple[float, float, float], voxels: int) -> bool:
    short, middle, long = axes_mm
    return voxels > _FEW and (long > _LONG * short or long > _WIDE * middle)


def _axes_mm(
    place_mm: NDArray[np.float64], voxel_mm: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Standard deviations along the principal axes; that of one voxel is its own."""
    own = np.diag(np.square(voxel_mm) / 12)
    spread = np.cov(place_mm.T, ddof=0) + own if len(place_mm) > 1 else own
    short, middle, long = (float(mm) for mm in np.sqrt(np.linalg.eigvalsh(spread)))
    return short, middle, long


def box_about(voxel: Shape, reach_mm: float, geometry: Geometry) -> Box:
    """The voxels of the grid within so many mm along each axis."""
    z, y, x = (
        slice(max(0, at - math.ceil(reach_mm / mm)), min(n, at + math.ceil(reach_mm / mm) + 1))
        for at, mm, n in zip(voxel, geometry.voxel_mm, geometry.shape, strict=True)
    )
    return z, y, x
