"""Measures the rim of one lesion: paramagnetic rim lesions of multiple sclerosis.

Bands are counted in mm below the surface of the lesion's mask, after that was moved as a whole to
where χ falls outwards most: masks of FLAIR images are some half a voxel off. A rim is a border
whose χ is above the core *and* above what is around it; a lesion that is raised all through has
none.

What it gets wrong: a mask that is off by more than 2 mm; lesions below 5 mm, whose core has no
voxel of its own; rims thinner than the voxel, which the map flattens. A rim that takes up contrast
is acute, and no rim in this sense.

References
----------
Bagnato et al. (2024) Nat Rev Neurol 20:491 (consensus on rims). doi:10.1038/s41582-024-00980-4
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from streamrecon.analysis.lesion.rim_rays import Border, Rays, look_along_rays
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Triple

Floating = NDArray[np.floating]
Flags = NDArray[np.bool_]

CONTRAST_PPM = 0.012
"""Least contrast of a rim [ppm]."""

COVERED, UNCERTAIN = 0.6, 0.4
"""Coverage from which a border is a rim, and from which it may be one."""

_CORE_MM, _OUTSIDE_MM = 2.5, (1.5, 4.0)
_NOISE_LIMIT = 2.0  # standard deviations of a voxel
_SHIFTS_MM = np.arange(-1.5, 1.51, 0.25)
_REACH_MM = 6.0
_FEWEST = 5
_DEEPEST_PART = 0.25  # of a small lesion's depth that counts as core


class RimClass(Enum):
    """What the border of a lesion is."""

    RIM = "rim"
    UNCERTAIN = "uncertain"
    NONE = "no rim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rim:
    """Numbers of one lesion's border.

    Parameters
    ----------
    kind, score
        Class by the rule; 0 … 1, 0.5 at the rule's limits.
    coverage, in_planes
        Fractions of the border with raised χ, over the sphere and in three planes.
    against_core_ppm, against_outside_ppm
        Contrast of the mean profile's peak near the border.
    thickness_mm
        Full width of that peak at half its height; nan where there is none.
    core_ppm, outside_ppm
        Medians.
    moved_mm
        How far out the surface was moved.
    middle
        Index (z, y, x) of the voxel deepest inside.
    """

    kind: RimClass
    score: float
    coverage: float
    in_planes: tuple[float, float, float]
    against_core_ppm: float
    against_outside_ppm: float
    thickness_mm: float
    core_ppm: float
    outside_ppm: float
    moved_mm: float
    middle: Triple


def measure_rim(
    chi_ppm: Floating,
    lesion: Flags,
    excluded: Flags,
    voxel_mm: Triple,
    *,
    noise_ppm: float = 0.0,
) -> Rim:
    """Measure the border of a lesion.

    Parameters
    ----------
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    lesion
        Its voxels [Z, Y, X].
    excluded
        Veins, other lesions, and where χ is not known.
    voxel_mm
        Size of a voxel (z, y, x) [mm].
    noise_ppm
        Standard deviation of χ of a voxel.

    Raises
    ------
    ReconError
        If the core or what is around it has fewer than 5 voxels that count.
    """
    box = _box(lesion, voxel_mm)
    chi, here, barred = chi_ppm[box], lesion[box], excluded[box] & ~lesion[box]
    depth = signed_depth(here, voxel_mm)
    moved = _surface_shift(chi, depth, barred)
    depth = depth + moved
    core = _median(chi, _core(depth) & ~excluded[box], "core")
    outside = _median(
        chi, (depth <= -_OUTSIDE_MM[0]) & (depth >= -_OUTSIDE_MM[1]) & ~barred, "surroundings"
    )
    middle = np.unravel_index(int(np.argmax(depth)), depth.shape)
    z, y, x = (float(n) for n in middle)
    border = Border(
        chi_ppm=chi, depth_mm=depth, excluded=excluded[box], middle=(z, y, x), voxel_mm=voxel_mm
    )
    needed = max(CONTRAST_PPM, _NOISE_LIMIT * noise_ppm)
    rays = look_along_rays(border, max(core, outside) + needed)
    peak, thickness = _peak(rays, max(core, outside))
    first = [float(part.start or 0) for part in box]
    return Rim(
        kind=_class(rays, peak - core),
        score=_score(rays.coverage, peak - core),
        coverage=rays.coverage,
        in_planes=rays.in_planes,
        against_core_ppm=peak - core,
        against_outside_ppm=peak - outside,
        thickness_mm=thickness,
        core_ppm=core,
        outside_ppm=outside,
        moved_mm=moved,
        middle=(first[0] + z, first[1] + y, first[2] + x),
    )


def signed_depth(lesion: Flags, voxel_mm: Triple) -> NDArray[np.float64]:
    """Distance below the lesion's surface, negative outside [Z, Y, X, mm].

    Between the centres of the last voxel inside and the first outside it goes through 0.
    """
    inside = distance_transform_edt(np.pad(lesion, 1), sampling=voxel_mm)[1:-1, 1:-1, 1:-1]
    outside = distance_transform_edt(~lesion, sampling=voxel_mm)
    half = float(np.mean(voxel_mm)) / 2
    return np.asarray(np.where(lesion, inside - half, half - outside))


def _box(lesion: Flags, voxel_mm: Triple) -> tuple[slice, ...]:
    """The lesion with its surroundings."""
    slices = []
    for axis, mm in enumerate(voxel_mm):
        others = tuple(n for n in range(3) if n != axis)
        there = np.flatnonzero(lesion.any(axis=others))
        room = math.ceil(_REACH_MM / mm)
        slices.append(slice(max(0, int(there[0]) - room), int(there[-1]) + room + 1))
    return tuple(slices)


def _surface_shift(chi: Floating, depth: Floating, barred: Flags) -> float:
    """How far out the surface lies where χ falls outwards most, of ±1.5 mm [mm]."""
    falls = []
    for shift in _SHIFTS_MM:
        inner = (depth > -shift) & (depth <= 1 - shift) & ~barred
        outer = (depth <= -shift) & (depth > -1 - shift) & ~barred
        fewest = min(inner.sum(), outer.sum())
        falls.append(chi[inner].mean() - chi[outer].mean() if fewest >= _FEWEST else -np.inf)
    return float(_SHIFTS_MM[int(np.argmax(falls))])


def _core(depth: Floating) -> Flags:
    """What lies deeper than 2.5 mm; of a small lesion its deepest quarter."""
    core = depth > _CORE_MM
    if core.sum() >= _FEWEST:
        return np.asarray(core)
    return np.asarray(depth > (1 - _DEEPEST_PART) * float(depth.max()) - 1e-9)


def _median(chi: Floating, where: Flags, name: str) -> float:
    if (found := int(where.sum())) < _FEWEST:
        raise ReconError(f"{name}: found {found} voxels, needed {_FEWEST}")
    return float(np.median(chi[where]))


def _peak(rays: Rays, base_ppm: float) -> tuple[float, float]:
    """Highest mean χ near the border [ppm], and the width of that peak at half height [mm]."""
    near = (rays.depths_mm >= -1.0) & (rays.depths_mm <= 2.5)
    if not near.any():
        return math.nan, math.nan
    at = int(np.flatnonzero(near)[np.argmax(rays.profile_ppm[near])])
    peak = float(rays.profile_ppm[at])
    if peak <= base_ppm:
        return peak, math.nan
    half = (peak + base_ppm) / 2
    ends = [_crossing(rays, at, step, half) for step in (-1, 1)]
    return peak, abs(ends[1] - ends[0])


def _crossing(rays: Rays, at: int, step: int, level: float) -> float:
    """Depth at which the profile falls below a level, going one way from a place [mm]."""
    depths, profile = rays.depths_mm, rays.profile_ppm
    n = at
    while 0 <= n + step < len(profile):
        if profile[n + step] < level:
            part = (profile[n] - level) / (profile[n] - profile[n + step])
            return float(depths[n] + part * (depths[n + step] - depths[n]))
        n += step
    return float(depths[n])


def _class(rays: Rays, against_core_ppm: float) -> RimClass:
    """The rule, which nobody trained."""
    planes = sum(part >= COVERED for part in rays.in_planes)
    if rays.coverage >= COVERED and planes >= 2 and against_core_ppm >= CONTRAST_PPM:
        return RimClass.RIM
    return RimClass.UNCERTAIN if rays.coverage >= UNCERTAIN else RimClass.NONE


def _score(coverage: float, against_core_ppm: float) -> float:
    """0.5 where coverage is half-way between both limits and contrast at its own.

    A change of coverage by 0.1, or of contrast by 12 ppb, counts e-fold.
    """
    if math.isnan(coverage):
        return 0.0
    of_cover = (coverage - (COVERED + UNCERTAIN) / 2) / 0.1
    of_contrast = (against_core_ppm - CONTRAST_PPM) / CONTRAST_PPM
    return 1 / (1 + math.exp(-(of_cover + min(max(of_contrast, -3.0), 3.0))))
