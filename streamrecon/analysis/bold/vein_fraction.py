"""How much of each voxel of an EPI is vein, by one interpolation from a finer scan."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from streamrecon.model.geometry import Geometry

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]
Matrix = NDArray[np.float64]

_MOST_POINTS = 6  # along a side of a voxel


def vein_fraction(
    probability: NDArray[np.floating] | Flags,
    grid: Geometry,
    onto: Geometry,
    motion: Matrix,
    shift_mm: NDArray[np.floating] | None = None,
) -> Real:
    """Mean probability inside each voxel of the other grid [Z, Y, X].

    A voxel is asked at as many points as voxels of the first scan fit into it, each by linear
    interpolation: one point alone would miss a vein beside it or take it for the whole voxel. A
    mask is a probability of 0 and 1.

    Parameters
    ----------
    probability
        Of a vein [Z, Y, X].
    grid, onto
        Its grid, and that of the EPI.
    motion
        From a place in the EPI (L, P, S, 1) to that in the first scan [4, 4, mm].
    shift_mm
        By how much the EPI shows each of its voxels displaced [Z, Y, X, 3] (L, P, S); the tissue
        that is shown at a place lies that far back. None where it is not distorted, or nobody
        knows.
    """
    index = np.linalg.inv(grid.affine_lps()) @ motion
    to_place = onto.affine_lps()
    source = np.asarray(probability, np.float32)
    total, count = np.zeros(onto.shape, np.float32), 0
    voxels = np.indices(onto.shape, dtype=np.float32).reshape(3, -1)
    back = 0.0 if shift_mm is None else np.asarray(shift_mm, np.float64).reshape(-1, 3).T
    for offset in _points(grid, onto):
        place = to_place[:3, :3] @ (voxels + np.array(offset)[:, None]) + to_place[:3, 3:]
        there = index[:3, :3] @ (place - back) + index[:3, 3:]
        found = map_coordinates(source, there, order=1, mode="constant", cval=0.0)
        total += found.reshape(onto.shape)
        count += 1
    return np.asarray(total / np.float32(count), np.float32)


def without_veins(veins: Flags, grid: Geometry, distance_mm: float) -> Flags:
    """Voxels whose centre is farther from every vein voxel's than this distance [Z, Y, X]."""
    if not veins.any():
        return np.ones(veins.shape, np.bool_)
    away = distance_transform_edt(~veins, sampling=grid.voxel_mm)
    return np.asarray(away > distance_mm, np.bool_)


def _points(grid: Geometry, onto: Geometry) -> Iterator[tuple[float, ...]]:
    """Points evenly inside a voxel, in parts of it from its centre."""
    finest = min(grid.voxel_mm)
    counts = [min(_MOST_POINTS, max(1, math.ceil(mm / finest))) for mm in onto.voxel_mm]
    yield from product(*([(n + 0.5) / count - 0.5 for n in range(count)] for count in counts))
