"""Tells iron-rich nuclei from veins on a map of susceptibility: by thickness and shape.

A nucleus is thick and compact. A vein may be as thick, but then goes on for many times its width; a
spot of a vein, as a fork or the end of a wide branch, is less thick.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label, maximum, median

from streamrecon.model.geometry import Triple

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_CORE_MM = 1.8  # from the border: what is deeper is the core of something thick
_DEEP_MM = 2.45  # depth that the core of a nucleus reaches
_LONG = 3.0  # its extent over its second one, in something long; nuclei 1.2 to 2.5, veins from 3.2
_FULL = 0.6  # of the ellipsoid of its moments; nuclei 0.7 to 0.9, what bends or forks has less
_VEIN_IN_IT = 1.5  # times the core's median: what stands out so far is a vein beside or within
_CORNERS = np.ones((3, 3, 3), bool)


def find_nuclei(
    contrast_ppm: Real, mask: Flags, voxel_mm: Triple, *, least_ppm: float = 0.08
) -> Flags:
    """Voxels of what is thick and compact [Z, Y, X].

    What stands out by ``least_ppm`` is taken by its depth, the distance to its border. Pieces
    deeper than 1.8 mm are cores; with what lies within that and a voxel of them they are a nucleus
    if the depth reaches 2.45 mm and the whole is compact: less than three times as long as it is
    broad, and it fills at least six tenths of the ellipsoid of its moments. So two that touch are
    told too. Voxels of more than 1.5 times the core's median are left out.

    Nuclei thinner than some 5 mm are missed, and a clot of veins in thick voxels is taken for one.
    Three distance transforms at most, where something is thick.

    Parameters
    ----------
    contrast_ppm
        Susceptibility against the surroundings [Z, Y, X, ppm].
    mask
        Where it is known.
    voxel_mm
        Size of a voxel (z, y, x).
    least_ppm
        Contrast at which something begins [ppm].
    """
    bright = mask & (contrast_ppm > least_ppm)
    if not bright.any():
        return bright
    depth = distance_transform_edt(bright, voxel_mm)
    cores, count = label(depth >= _CORE_MM, _CORNERS)
    if not count:
        return np.zeros_like(bright)
    away, nearest = distance_transform_edt(cores == 0, voxel_mm, return_indices=True)
    near = bright & (away <= _CORE_MM + max(voxel_mm))
    own = np.where(near, cores[tuple(nearest)], 0)
    numbers = np.arange(1, count + 1)
    deepest = np.asarray(maximum(depth, cores, numbers))
    usual = np.asarray(median(contrast_ppm, cores, numbers))
    spread_mm, filled = shapes(own, count, voxel_mm)
    compact = (spread_mm[:, 2] < _LONG * spread_mm[:, 1]) & (filled > _FULL)
    nucleus = np.concatenate([[False], (deepest >= _DEEP_MM) & compact])
    highest = np.concatenate([[0.0], _VEIN_IN_IT * usual])
    return np.asarray(nucleus[own] & (contrast_ppm < highest[own]))


def shapes(
    pieces: NDArray[np.integer], count: int, voxel_mm: Triple
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spreads of each piece along its own axes [N, 3, mm], ascending, and how full it is [N].

    Full is the volume over that of the ellipsoid with the same spreads: 1 of an ellipsoid, 0.93 of
    a rod, less of what bends or is ragged.

    Parameters
    ----------
    pieces
        Number of each voxel's piece, from 1; 0 for none [Z, Y, X].
    count
        How many there are, N.
    voxel_mm
        Size of a voxel (z, y, x).
    """
    at = np.nonzero(pieces)
    number = pieces[at] - 1
    size = np.bincount(number, minlength=count)
    place = np.stack(at) * np.array(voxel_mm)[:, None]
    mean = np.stack([np.bincount(number, axis, count) / size for axis in place])
    away = place - mean[:, number]
    moments = np.empty((count, 3, 3))
    for i in range(3):
        for j in range(3):
            moments[:, i, j] = np.bincount(number, away[i] * away[j], count) / size
    moments += np.diag(np.square(voxel_mm) / 12)
    spread = np.sqrt(np.linalg.eigvalsh(moments))
    filled = size * math.prod(voxel_mm) / (4 / 3 * math.pi * 5**1.5 * spread.prod(axis=1))
    return spread, filled
