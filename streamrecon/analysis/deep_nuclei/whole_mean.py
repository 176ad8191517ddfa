r"""Mean of a whole region, with what its map has beside it.

.. math:: \bar\chi = b + \frac{\sum_i w_i\,(\chi_i - b)}{N}

Blur puts part of a region outside of its label, and fast decay does the reverse: the signal of a
voxel on the border of a nucleus that decays fast is that of its surroundings, and so is its field.
The map of such a nucleus is a smaller one with more susceptibility, by a tenth in its core. What
both leave as it was is the sum of χ, region and rim together, above the level b around them. So
that sum is divided by the N voxels of the label. The rim is one voxel in every direction; a voxel
of the rims of two regions counts half (w) for either.

It is as right as the label's volume is, and as b: where tissue of very unlike χ shares the rim and
a region has little contrast, the mean of its core is the better one. Regions that touch share no
rim, and what the map has of one in the other stays there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_dilation, distance_transform_edt, find_objects

from streamrecon.analysis.deep_nuclei.region_statistics import (
    FEWEST_VOXELS,
    sigma_of_mean,
    trimmed_mean,
)
from streamrecon.model.geometry import Triple

Flags = NDArray[np.bool_]
Real = NDArray[np.floating]

_AROUND_MM = 3.0  # beyond the rim: thick enough for a level, and near enough for that of the rim
_LEAST_INSIDE = 0.95  # of region and rim, inside the mask: what is beyond is lost
_EVERY_WAY = np.ones((3, 3, 3), np.bool_)


@dataclass(frozen=True, slots=True)
class WholeMean:
    """Mean of a region by the sum that its map conserves.

    Parameters
    ----------
    chi_ppm
        On the zero of the map [ppm].
    sigma_ppm
        Its standard deviation by noise [ppm]; ``None`` where no noise is known.
    voxels
        Of the region and its rim.
    """

    chi_ppm: float
    sigma_ppm: float | None
    voxels: int


def whole_mean(
    chi_ppm: Real,
    region: Flags,
    others: Flags,
    mask: Flags,
    voxel_mm: Triple,
    *,
    sd_ppm: Real | None = None,
    alike_mm3: float,
) -> WholeMean | None:
    """Mean of the whole of a region; ``None`` where the mask cuts its rim or nothing is around it.

    Parameters
    ----------
    chi_ppm
        The map [Z, Y, X, ppm].
    region
        Voxels of the region [Z, Y, X].
    others
        Voxels of every other one [Z, Y, X]; neither they nor their rims are its surroundings.
    mask
        Where the map is known [Z, Y, X]. Single voxels that are not, as those of whole ppb that
        happen to be 0, count as b in the rim, and not at all in the region.
    voxel_mm
        Size of a voxel (z, y, x) [mm].
    sd_ppm
        Standard deviation by noise [Z, Y, X, ppm].
    alike_mm3
        Volume over which noise is alike [mm³].
    """
    if (region & mask).sum() < FEWEST_VOXELS:
        return None
    near = _near(region, voxel_mm)
    label, known = region[near], mask[near]
    theirs = _with_rim(others[near] & ~label)
    own = _with_rim(label) & (label | ~others[near])
    around = _around(own, voxel_mm) & ~theirs & known
    within = own & binary_closing(known, _EVERY_WAY)
    if within.sum() < _LEAST_INSIDE * own.sum() or around.sum() < FEWEST_VOXELS:
        return None
    own &= known
    values = chi_ppm[near].astype(np.float64)
    level = trimmed_mean(np.sort(values[around]))
    counts = np.where(theirs & ~label, 0.5, 1.0)[own] / np.count_nonzero(label & known)
    mean = level + float(counts @ (values[own] - level))
    if sd_ppm is None:
        return WholeMean(mean, None, int(own.sum()))
    of_own, of_level = (
        sigma_of_mean(sd_ppm[near][part], math.prod(voxel_mm), alike_mm3) for part in (own, around)
    )
    whole = float(counts.sum())
    return WholeMean(mean, math.hypot(whole * of_own, (whole - 1) * of_level), int(own.sum()))


def _near(region: Flags, voxel_mm: Triple) -> tuple[slice, ...]:
    """The region's part of the grid, with room for what is around it."""
    (box,) = find_objects(region.astype(np.uint8))
    rooms = [3 + math.ceil(_AROUND_MM / mm) for mm in voxel_mm]
    return tuple(
        slice(max(0, at.start - room), at.stop + room) for at, room in zip(box, rooms, strict=True)
    )


def _with_rim(region: Flags) -> Flags:
    return np.asarray(binary_dilation(region, _EVERY_WAY), np.bool_)


def _around(own: Flags, voxel_mm: Triple) -> Flags:
    """What lies up to 3 mm, or a voxel, beyond a region and its rim."""
    away = distance_transform_edt(~own, sampling=voxel_mm)
    near = (away <= _AROUND_MM) | _with_rim(own)
    return np.asarray(near & ~own, np.bool_)
