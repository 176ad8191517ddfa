"""Parts confluent lesions: one number for each centre that a mask has.

A centre is where the depth below the surface curves downwards along all directions. Every other
voxel of the same patch goes to the nearest centre. Two lesions that overlap by more than their
radius have one centre and stay one; a bent lesion may come apart.

References
----------
Dworkin et al. (2018) AJNR Am J Neuroradiol 39:626. doi:10.3174/ajnr.A5556
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    distance_transform_edt,
    find_objects,
    gaussian_filter,
    label,
    maximum,
)

from streamrecon.model.geometry import Triple

Flags = NDArray[np.bool_]

SMALLEST_MM3 = 50.0
"""Lesions below this volume are left out: their rim is no thicker than a voxel."""

_SMOOTH_MM = 1.0
_LEAST_DEPTH = 0.5  # of the deepest centre of the patch: shallower ones are bumps
_CORNERS = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True, eq=False)
class SplitLesions:
    """Lesions one by one.

    Parameters
    ----------
    numbers
        Number of each voxel's lesion [Z, Y, X], from 1; 0 elsewhere.
    confluent
        Numbers of those that touch another.
    too_small
        How many were left out.
    """

    numbers: NDArray[np.int32]
    confluent: frozenset[int]
    too_small: int

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.numbers.max(initial=0))


def split_lesions(
    mask: Flags, voxel_mm: Triple, *, smallest_mm3: float = SMALLEST_MM3
) -> SplitLesions:
    """Number the lesions of a mask [Z, Y, X].

    Parameters
    ----------
    mask
        All lesions.
    voxel_mm
        Size of a voxel (z, y, x) [mm].
    smallest_mm3
        Smaller ones are left out.
    """
    patches, count = label(mask, _CORNERS)
    depth = distance_transform_edt(np.pad(mask, 1), sampling=voxel_mm)[1:-1, 1:-1, 1:-1]
    numbers = np.zeros(mask.shape, np.int32)
    confluent: set[int] = set()
    small, next_number = 0, 1
    for patch, box in enumerate(find_objects(patches, count), start=1):
        here = patches[box] == patch
        found = _split_patch(here, np.where(here, depth[box], 0), voxel_mm)
        kept = []
        for number in range(1, int(found.max()) + 1):
            those = found == number
            if those.sum() * math.prod(voxel_mm) < smallest_mm3:
                small += 1
                continue
            numbers[box][those] = next_number
            kept.append(next_number)
            next_number += 1
        if found.max() > 1:
            confluent.update(kept)
    return SplitLesions(numbers, frozenset(confluent), small)


def _split_patch(here: Flags, depth: NDArray[np.float64], voxel_mm: Triple) -> NDArray[np.int32]:
    """Numbers of the lesions of one patch in its box."""
    whole = here.astype(np.int32)
    seeds, count = label(_is_centre(depth, voxel_mm) & here, _CORNERS)
    if count < 2:
        return whole
    deepest = maximum(depth, seeds, np.arange(1, count + 1))
    strong = np.flatnonzero(np.asarray(deepest) >= _LEAST_DEPTH * np.max(deepest)) + 1
    if strong.size < 2:
        return whole
    renamed = np.zeros(count + 1, np.int32)
    renamed[strong] = np.arange(1, strong.size + 1)
    seeds = renamed[seeds]
    nearest = distance_transform_edt(
        seeds == 0, sampling=voxel_mm, return_distances=False, return_indices=True
    )
    return np.where(here, seeds[tuple(nearest)], 0).astype(np.int32)


def _is_centre(depth: NDArray[np.float64], voxel_mm: Triple) -> Flags:
    """Where the smoothed depth curves downwards in all directions [Z, Y, X]."""
    room = 3  # voxels about the box, so that its edge is none of the depth's
    sigma = [_SMOOTH_MM / mm for mm in voxel_mm]
    smooth = gaussian_filter(np.pad(depth, room), sigma)
    hessian = np.empty((*smooth.shape, 3, 3))
    for row, slope in enumerate(np.gradient(smooth, *voxel_mm)):
        for column, curve in enumerate(np.gradient(slope, *voxel_mm)):
            hessian[..., row, column] = curve
    inner = (slice(room, -room),) * 3
    return np.asarray(np.linalg.eigvalsh(hessian[inner])[..., -1] < 0)
