"""Fields of a head in several positions, on the grid of one of them.

Fields are moved, never phase (it is wrapped) and never χ. Each field keeps the direction that B0
had in it, now seen from the head of the first scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, distance_transform_edt

from streamrecon.analysis.positions.registration import resample
from streamrecon.model.geometry import Geometry

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]
Matrix = NDArray[np.float64]

_INSIDE = 0.99  # of a voxel's neighbours lie in the mask


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """A head in one position.

    Parameters
    ----------
    field_ppm
        Total or local field [Z, Y, X, ppm].
    mask
        Where it is known [Z, Y, X].
    geometry
        Their grid, in the scanner's frame.
    motion
        From the position (L, P, S, 1) in the first scan to that in this one [4, 4, mm].
    weight
        Trust per voxel [Z, Y, X], best 1 / sd in ppm; 1 where not given.
    """

    field_ppm: Real
    mask: Flags
    geometry: Geometry
    motion: Matrix
    weight: Real | None = None


def b0_after(motion: Matrix) -> NDArray[np.float64]:
    """Direction of B0 in the head of the first scan after a motion [4, 4], a unit vector."""
    b = motion[:3, :3].T @ np.array([0.0, 0, 1])
    return np.asarray(b / np.linalg.norm(b), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class MovedField:
    """A field on the first scan's grid.

    Parameters
    ----------
    field_ppm
        [Z, Y, X, ppm], 0 outside ``mask``.
    mask
        Where it is known [Z, Y, X].
    weight
        Trust [Z, Y, X], 0 outside the mask.
    turned
        The first grid, turned so that its B0 is this scan's: what a dipole kernel is made for.
    """

    field_ppm: Real
    mask: Flags
    weight: Real
    turned: Geometry


def moved_fields(positions: Sequence[Position]) -> list[MovedField]:
    """All fields on the grid of the first position.

    Cubic splines; outside its mask a field goes on as its nearest voxel, so that its edge does not
    ring. A voxel is kept whose neighbours all lie in the mask.
    """
    first = positions[0]
    return [_moved(position, first.geometry) for position in positions]


def _moved(position: Position, grid: Geometry) -> MovedField:
    turned = replace(grid, axes_lps=grid.axes_lps @ position.motion[:3, :3].T)
    weight = (
        np.ones(position.mask.shape, np.float32) if position.weight is None else position.weight
    )
    is_first = position.geometry.same_as(grid) and np.allclose(position.motion, np.eye(4))
    if is_first:
        mask, field, trust = position.mask, position.field_ppm, weight
    else:
        flags = position.mask.astype(np.float32)
        mask = resample(flags, position.geometry, grid, position.motion) > _INSIDE
        field = _splined(_extended(position), position, grid)
        trust = resample(weight * flags, position.geometry, grid, position.motion)
    inside = np.asarray(mask & (trust > 0), np.bool_)
    return MovedField(
        np.where(inside, field, 0).astype(np.float32),
        inside,
        np.where(inside, trust, 0).astype(np.float32),
        turned,
    )


def _extended(position: Position) -> Real:
    """The field inside its mask, and outside that of the nearest voxel inside [mm]."""
    nearest = distance_transform_edt(
        ~position.mask,
        sampling=position.geometry.voxel_mm,
        return_distances=False,
        return_indices=True,
    )
    return np.asarray(position.field_ppm[tuple(nearest)], np.float32)


def _splined(values: Real, position: Position, grid: Geometry) -> Real:
    own = np.linalg.inv(position.geometry.affine_lps())
    index = own @ position.motion @ grid.affine_lps()
    moved = affine_transform(
        values,
        index[:3, :3],
        offset=index[:3, 3],
        output_shape=grid.shape,
        order=3,
        mode="nearest",
    )
    return np.asarray(moved, np.float32)
