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
_LONG = 4.6  # balls of its depth that something long holds; nuclei hold 1 to 4.2
_VEIN_IN_IT = 1.5  # times the core's median: what stands out so far is a vein beside or within
_CORNERS = np.ones((3, 3, 3), bool)


def find_nuclei(
    contrast_ppm: Real, mask: Flags, voxel_mm: Triple, *, least_ppm: float = 0.08
) -> Flags:
    """Voxels of what is thick and compact [Z, Y, X].

    What stands out by ``least_ppm`` is taken by its depth, the distance to its border. Pieces
    deeper than 1.8 mm are cores; with what lies within that and a voxel of them they are a nucleus
    if the depth reaches 2.45 mm and the whole holds less than 4.6 balls of that radius. Voxels of
    more than 1.5 times the core's median are left out.

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
    volume = np.bincount(own.ravel(), minlength=count + 1)[1:] * math.prod(voxel_mm)
    compact = volume < _LONG * 4 / 3 * math.pi * deepest**3
    nucleus = np.concatenate([[False], (deepest >= _DEEP_MM) & compact])
    highest = np.concatenate([[0.0], _VEIN_IN_IT * usual])
    return np.asarray(nucleus[own] & (contrast_ppm < highest[own]))
