"""Looks at the border of a lesion along rays from its middle: where χ is raised, and how thick.

A phase rim may be the field of something else; the rays are drawn on χ. Of every ray the highest
value near the border counts, so that a mask that is off by a millimetre loses no rim; what that
gains from noise is in the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from streamrecon.model.geometry import Triple

Floating = NDArray[np.floating]
Flags = NDArray[np.bool_]

RAYS = 92
"""Directions, evenly over the sphere."""

IN_PLANE = 36
"""Directions in each of the three planes."""

RIM_MM = (-0.5, 2.0)
"""Depth below the surface at which a rim is looked for [mm]; negative is outside."""

_STEP_MM = 0.25
_MOST_VEIN = 0.5  # of a ray's rim in a vein or another lesion, and the ray says nothing
_BIN_MM = 0.5
_A_TOUCH = 1e-3  # of an excluded voxel in what is interpolated


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Border:
    """What is known about one lesion in its box [Z, Y, X].

    Parameters
    ----------
    chi_ppm
        Susceptibility [ppm].
    depth_mm
        Below the lesion's surface, negative outside [mm].
    excluded
        Veins, other lesions, and what has no χ.
    middle
        Index (z, y, x) from which the rays go.
    voxel_mm
        Size of a voxel (z, y, x) [mm].
    """

    chi_ppm: Floating
    depth_mm: Floating
    excluded: Flags
    middle: Triple
    voxel_mm: Triple


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """What the rays saw.

    Parameters
    ----------
    coverage
        Fraction of them on which χ is above the level; nan where none could see the border.
    in_planes
        Likewise in the three planes across z, y and x.
    depths_mm, profile_ppm
        Mean χ by depth below the surface.
    """

    coverage: float
    in_planes: tuple[float, float, float]
    depths_mm: NDArray[np.float64]
    profile_ppm: NDArray[np.float64]


def look_along_rays(border: Border, level_ppm: float) -> Rays:
    """Coverage of the border by χ above ``level_ppm``, and χ by depth."""
    chi, depth, usable = _sampled(border, fibonacci_directions(RAYS))
    planes = [_coverage(*_sampled(border, _in_plane(axis)), level_ppm) for axis in range(3)]
    edges = np.arange(-4.0, 8.0 + _BIN_MM, _BIN_MM)
    which = np.digitize(depth[usable], edges) - 1
    counts = np.bincount(which[(which >= 0)], minlength=edges.size)[: edges.size - 1]
    sums = np.bincount(which[which >= 0], chi[usable][which >= 0], minlength=edges.size)
    known = counts > 0
    return Rays(
        coverage=_coverage(chi, depth, usable, level_ppm),
        in_planes=(planes[0], planes[1], planes[2]),
        depths_mm=(edges[:-1] + _BIN_MM / 2)[known],
        profile_ppm=sums[: edges.size - 1][known] / counts[known],
    )


def fibonacci_directions(count: int) -> NDArray[np.float64]:
    """Unit vectors (z, y, x) evenly over the sphere [N, 3].

    >>> bool(np.abs(fibonacci_directions(92).mean(axis=0)).max() < 0.01)
    True
    """
    n = np.arange(count) + 0.5
    height = 1 - 2 * n / count
    around = np.sqrt(1 - height**2)
    angle = math.pi * (1 + math.sqrt(5)) * n
    return np.stack([height, around * np.sin(angle), around * np.cos(angle)], axis=1)


def _in_plane(axis: int) -> NDArray[np.float64]:
    """Unit vectors across one axis [N, 3]."""
    angle = 2 * np.pi * np.arange(IN_PLANE) / IN_PLANE
    vectors = np.zeros((IN_PLANE, 3))
    first, second = (n for n in range(3) if n != axis)
    vectors[:, first], vectors[:, second] = np.cos(angle), np.sin(angle)
    return vectors


def _sampled(border: Border, directions: NDArray[np.float64]) -> tuple[Floating, Floating, Flags]:
    """χ, depth and whether they count, along each ray [ray, step]."""
    box_mm = [n * mm for n, mm in zip(border.chi_ppm.shape, border.voxel_mm, strict=True)]
    steps = np.arange(0.0, math.hypot(*box_mm) / 2, _STEP_MM)
    away = directions[:, :, None] * steps / np.array(border.voxel_mm)[None, :, None]
    places = np.moveaxis(away + np.array(border.middle)[None, :, None], 1, 0)
    inside = np.ones(places.shape[1:], bool)
    for along, n in zip(places, border.chi_ppm.shape, strict=True):
        inside &= (along >= 0) & (along <= n - 1)
    chi = map_coordinates(np.asarray(border.chi_ppm, np.float64), places, order=1)
    depth = map_coordinates(np.asarray(border.depth_mm, np.float64), places, order=1)
    barred = map_coordinates(border.excluded.astype(np.float32), places, order=1) > _A_TOUCH
    return chi, np.where(inside, depth, -np.inf), inside & ~barred


def _coverage(chi: Floating, depth: Floating, usable: Flags, level_ppm: float) -> float:
    """Fraction of the rays whose border is seen that reach the level there."""
    near = (depth >= RIM_MM[0]) & (depth <= RIM_MM[1])
    steps, seen = near.sum(axis=1), (near & usable).sum(axis=1)
    valid = (steps > 0) & (seen > (1 - _MOST_VEIN) * steps)
    if not valid.any():
        return math.nan
    highest = np.max(np.where(near & usable, chi, -np.inf), axis=1)
    return float((highest[valid] > level_ppm).mean())
