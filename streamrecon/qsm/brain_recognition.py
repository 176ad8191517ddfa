"""Whether what a surface encloses is a brain: by size, form, the skull around, the scalp beyond."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter
from scipy.spatial import ConvexHull, QhullError

from streamrecon.model.geometry import Geometry
from streamrecon.qsm._surface_kernels import darkest_beyond
from streamrecon.qsm.brain_surface import Surface, block_means

Real = NDArray[np.float32]

_SIDES_MM = (70.0, 210.0)  # of a brain, newborn to adult
_LARGEST_ML = 2300.0
_WALL_MM = 8.0  # skull, or the edge of a stripped brain, is met within
_DARK = 0.5  # of the brightness within
_LEAST_WALL = 0.9  # of the vertices; brains 0.98-1.00, an abdomen 0.4
_LEAST_VERTICES = 40  # in the field of view, to say anything
_LEAST_SOLID = 0.78  # of the convex hull; brains 0.88-0.92, of oblique slabs 0.84; leaks are less
_SCALP_MM, _SCALP = 25.0, 0.25  # brightness met again
_LEAST_SCALP = 0.5
_LEAST_BARE = 0.8  # of all that is bright, where the scalp was stripped off
_LEAST_CONTRAST = 0.017  # of a brain without its scalp: 0.022-0.032; bottles 0.000-0.012
_CONTRAST_GRID_MM, _SHADING_MM = 2.5, 12.0
_DARKEST, _BRIGHTEST = 0.5, 1.5  # a bubble or an insert is no tissue
_MOST_CONTRAST = 0.06  # that counts of one block, so that few cannot stand for all
_APART = 2  # blocks: noise is not alike there, tissue is


@dataclass(frozen=True, slots=True)
class Recognition:
    """The verdict.

    Parameters
    ----------
    is_brain
        Whether every sign speaks for it.
    reason
        What was measured, or what speaks against it.
    """

    is_brain: bool
    reason: str


def recognise_brain(surface: Surface, magnitude: Real, geometry: Geometry) -> Recognition:
    """Ask size, form, wall and surroundings of a surface, in this order.

    A skull-stripped brain has no scalp and is told from a bottle by its inner contrast. Not
    recognised are a crop that the brain fills, and brains behind a wall that is open in more than
    a tenth; a head phantom with a shell and a phantom's contrast is taken for a brain.

    Parameters
    ----------
    surface
        One of `brain_surfaces`.
    magnitude
        Without the coils' shading [Z, Y, X], any unit.
    geometry
        Its grid.
    """
    against = _size(surface.inside, geometry)
    if against:
        return Recognition(False, against)
    solid = _solidity(surface)
    if solid < _LEAST_SOLID:
        return Recognition(False, f"it fills {solid:.2f} of its hull, a brain {_LEAST_SOLID}")
    even = magnitude / np.float32(np.median(magnitude[surface.inside]))
    wall, scalp = _surroundings(surface, even, geometry)
    if wall < _LEAST_WALL:
        return Recognition(False, f"a dark wall around {wall:.0%} of it, a skull {_LEAST_WALL:.0%}")
    if scalp < _LEAST_SCALP:
        bare = _fraction_of_all(surface.inside, even)
        if bare < _LEAST_BARE:
            return Recognition(False, f"no scalp around it, and it is {bare:.0%} of what is there")
        if _contrast(surface.inside, even, geometry) < _LEAST_CONTRAST:
            return Recognition(False, "neither scalp around it nor contrast within")
    return Recognition(True, f"a dark wall around {wall:.0%}, scalp around {scalp:.0%} of it")


def _size(inside: NDArray[np.bool_], geometry: Geometry) -> str:
    """What of the size speaks against a brain; sides that the field of view cuts may be short."""
    volume_ml = inside.sum() * np.prod(geometry.voxel_mm) / 1000
    if not 0 < volume_ml <= _LARGEST_ML:
        return f"{volume_ml:.0f} ml, a brain at most {_LARGEST_ML:.0f}"
    cuts = 0
    for axis, voxel in enumerate(geometry.voxel_mm):
        others = tuple(other for other in range(3) if other != axis)
        held = np.asarray(inside.any(axis=others))
        cut = bool(held[0] or held[-1])
        side = (np.flatnonzero(held)[-1] - np.flatnonzero(held)[0] + 1) * voxel
        if side > _SIDES_MM[1] or (side < _SIDES_MM[0] and not cut):
            return "a side of {:.0f} mm, a brain's are {:.0f} to {:.0f}".format(side, *_SIDES_MM)
        cuts += cut
    return "it fills the field of view" if cuts == len(geometry.voxel_mm) else ""


def _solidity(surface: Surface) -> float:
    """Volume of the surface over that of its convex hull."""
    points = surface.mesh.vertices - surface.mesh.vertices.mean(axis=0)
    volume = np.linalg.det(points[surface.mesh.triangles]).sum() / 6
    try:
        return float(volume / ConvexHull(points).volume)
    except QhullError:
        return 0.0


def _surroundings(surface: Surface, even: Real, geometry: Geometry) -> tuple[float, float]:
    """Shares of the vertices in the field of view with a dark wall, and with scalp beyond it."""
    wall, beyond = darkest_beyond(
        surface.mesh.vertices,
        surface.mesh.triangles,
        even,
        np.array(geometry.voxel_mm),
        _WALL_MM,
        _SCALP_MM,
    )
    seen = np.isfinite(wall)
    if seen.sum() < _LEAST_VERTICES:
        return 0.0, 0.0
    return float((wall[seen] < _DARK).mean()), float((beyond[seen] > _SCALP).mean())


def _fraction_of_all(inside: NDArray[np.bool_], even: Real) -> float:
    """How much of what is as bright as scalp lies within."""
    bright = even > _SCALP
    return float((bright & inside).sum() / max(int(bright.sum()), 1))


def _contrast(inside: NDArray[np.bool_], even: Real, geometry: Geometry) -> float:
    """Spread of the brightness that blocks 5 mm apart have in common, away from the rim.

    Noise has nothing in common there, however strong; what is left of the coils' shading is wider
    than 12 mm and taken off; bubbles and inserts are few.
    """
    blocks = [max(1, round(_CONTRAST_GRID_MM / side)) for side in geometry.voxel_mm]
    sigma = [_SHADING_MM / block / v for block, v in zip(blocks, geometry.voxel_mm, strict=True)]
    whole = block_means(inside.astype(np.float32), blocks) == 1
    weight = whole.astype(np.float32)
    image = np.clip(block_means(even, blocks), _DARKEST, _BRIGHTEST)
    near = gaussian_filter(weight, sigma, mode="nearest")
    shading = gaussian_filter(image * weight, sigma, mode="nearest") / np.maximum(near, 1e-6)
    within = binary_erosion(whole, iterations=2)
    detail = np.where(within, np.clip(image - shading, -_MOST_CONTRAST, _MOST_CONTRAST), 0)
    products, pairs = 0.0, 0
    for axis in range(3):
        one, other = np.moveaxis(detail, axis, 0), np.moveaxis(within, axis, 0)
        products += float((one[_APART:] * one[:-_APART]).sum())
        pairs += int((other[_APART:] & other[:-_APART]).sum())
    return math.sqrt(max(products, 0.0) / max(pairs, 1))
