"""Balls of a spherical mean: their spectra, their radii, and where in a mask they fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm.dipole import padded_shape

Real = NDArray[np.float32]

_NEIGHBOUR = 1.001  # of the shortest side: the smallest ball that is more than a point
_ALIKE_MM = 0.05  # balls that differ by less are one
_FITS = 1 - 1e-3  # fraction of a ball that must lie in the mask: float32 rounding, not tissue


def ball_kernel(geometry: Geometry, shape: Shape, radius_mm: float, *, parts: int = 5) -> Real:
    """Spectrum of a ball of sum 1, its rim shared by partial volumes; real, half last axis.

    ``parts`` is the number of points along a voxel's side that share it; with one the ball has
    whole voxels.

    Raises
    ------
    ReconError
        If the ball is smaller than the voxel's shortest side: it would be a point.
    """
    if radius_mm <= min(geometry.voxel_mm):
        raise ReconError(
            f"ball: found a radius of {radius_mm:g} mm, "
            f"needed more than a voxel of {min(geometry.voxel_mm):g} mm"
        )
    points = ((np.arange(parts) + 0.5) / parts - 0.5).astype(np.float32)
    reach = [int(np.ceil(radius_mm / voxel + 0.5)) for voxel in geometry.voxel_mm]
    squares = [
        ((np.arange(-r, r + 1)[:, None] + points).ravel() * voxel) ** 2
        for r, voxel in zip(reach, geometry.voxel_mm, strict=True)
    ]
    inside = squares[0][:, None, None] + squares[1][:, None] + squares[2] <= radius_mm**2
    sizes = [2 * r + 1 for r in reach]
    fraction = inside.reshape(sizes[0], parts, sizes[1], parts, sizes[2], parts).sum((1, 3, 5))
    ball = np.zeros(shape, np.float32)
    ball[tuple(slice(n) for n in sizes)] = fraction / fraction.sum()
    ball = np.roll(ball, [-r for r in reach], axis=(0, 1, 2))
    return np.ascontiguousarray(rfftn(ball).real)


def ball_radii(geometry: Geometry, largest_mm: float, smallest_mm: float) -> NDArray[np.float64]:
    """Radii [mm] in steps of 1 mm from the largest to the smallest, which holds a neighbour."""
    least = max(_NEIGHBOUR * min(geometry.voxel_mm), smallest_mm)
    most = max(largest_mm, least)
    radii = most - np.arange(int(most - least + 1e-6) + 1)
    return np.append(radii[radii > least + _ALIKE_MM], least)


def room_for_ball(geometry: Geometry, radius_mm: float) -> Shape:
    """A grid on which a ball that leaves one side of the volume does not come in at the other."""
    longest = max(n * v for n, v in zip(geometry.shape, geometry.voxel_mm, strict=True))
    return padded_shape(geometry, 1 + (radius_mm + max(geometry.voxel_mm)) / longest)


def where_ball_fits(mask: NDArray[np.bool_], ball: Real, shape: Shape) -> NDArray[np.bool_]:
    """Voxels about which a ball, given as `ball_kernel`, lies within the mask [Z, Y, X].

    Raises
    ------
    ReconError
        If there is none.
    """
    fraction = irfftn(rfftn(mask.astype(np.float32), shape) * ball, shape, crop=mask.shape)
    kept = mask & (fraction > _FITS)
    if not kept.any():
        raise ReconError("background: the ball fits nowhere into the mask")
    return kept
