"""Computed tomography decides what susceptibility cannot: whether a lesion holds calcium.

The densest point within 1 mm of a place is looked for, since a CT of another day never lies exactly
on a scan; above 100 HU there is calcium, and acute blood, which reaches 60 to 90 HU, is below.
Above 3000 HU it is metal, which CT does not measure.

What it gets wrong: a CT that is registered worse than by a millimetre; slices thicker than the
lesion, which make it paler; bone beside a superficial one; iodine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from streamrecon.analysis.lesion.lesions import Lesion, LesionClass, Lesions
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry

CALCIUM_HU, METAL_HU = 100.0, 3000.0
"""Above these a place holds calcium, and metal."""

_REACH_MM, _STEP_MM = 1.0, 0.5
_OUTSIDE = -1e4  # of the CT: no HU is as low


@dataclass(frozen=True, slots=True, eq=False)
class Tomogram:
    """A CT: its values [Z, Y, X] in HU, on a grid of its own that lies in the scan's place."""

    hu: NDArray[np.floating]
    geometry: Geometry


def resolved_by_ct(lesions: Lesions, ct: Tomogram, geometry: Geometry) -> Lesions:
    """The lesions with the densest CT value of each, and their classes by it.

    - above 100 HU: *calcification*, flagged where the moment is positive;
    - not above, and the moment is positive: *indeterminate* becomes *bleed*;
    - not above, and the moment is negative: *indeterminate*, since no calcium is seen;
    - above 3000 HU, or outside of the CT: as it was, flagged.

    A vessel that is not dense stays one.

    Parameters
    ----------
    lesions
        As `find_lesions` gives them.
    ct
        The CT, registered to the scan.
    geometry
        Grid of the scan.

    Raises
    ------
    ReconError
        If no lesion lies in the CT.
    """
    found = tuple(_judged(lesion, _densest(lesion, ct, geometry)) for lesion in lesions.found)
    if found and all(lesion.ct_hu is None for lesion in found):
        raise ReconError("CT: found none of the lesions in it, needed one of the same head")
    return replace(lesions, found=found)


def _densest(lesion: Lesion, ct: Tomogram, geometry: Geometry) -> float | None:
    """Largest value within a millimetre of the place [HU], None where the CT has none."""
    start = np.array([axis.start for axis in lesion.site.box])
    voxels = np.argwhere(lesion.site.region) + start
    places = (geometry.affine_lps() @ np.c_[voxels, np.ones(len(voxels))].T)[:3]
    offsets = np.array(list(_offsets(max(geometry.voxel_mm) / 2 + _REACH_MM)))
    points = (places[:, :, None] + offsets.T[:, None, :]).reshape(3, -1)
    back = np.linalg.inv(ct.geometry.affine_lps())
    index = back[:3, :3] @ points + back[:3, 3:]
    values = map_coordinates(
        np.asarray(ct.hu, np.float32), index, order=1, mode="constant", cval=_OUTSIDE
    )
    known = values[values > _OUTSIDE / 2]
    return float(known.max()) if known.size else None


def _offsets(reach_mm: float) -> Iterator[tuple[float, float, float]]:
    """Points of a ball about a voxel's centre, half a millimetre apart."""
    count = math.floor(reach_mm / _STEP_MM)
    steps = [n * _STEP_MM for n in range(-count, count + 1)]
    for x, y, z in product(steps, steps, steps):
        if math.hypot(x, y, z) <= reach_mm:
            yield x, y, z


def _judged(lesion: Lesion, hu: float | None) -> Lesion:
    """The lesion as the CT has it."""
    if hu is None:
        return replace(lesion, flags=(*lesion.flags, "outside of the CT"))
    if hu > METAL_HU:
        return replace(lesion, ct_hu=hu, flags=(*lesion.flags, "metal in the CT"))
    is_positive = lesion.dipole.moment_ppm_mm3 > 0
    if hu > CALCIUM_HU:
        against = ("calcium in the CT against the sign of its moment",) if is_positive else ()
        kind = LesionClass.CALCIFICATION
        return replace(lesion, ct_hu=hu, kind=kind, flags=(*lesion.flags, *against))
    if lesion.kind is LesionClass.VESSEL:
        return replace(lesion, ct_hu=hu)
    if is_positive:
        return replace(lesion, ct_hu=hu, kind=LesionClass.BLEED)
    doubt = "no calcium in the CT"
    kind = LesionClass.INDETERMINATE
    return replace(lesion, ct_hu=hu, kind=kind, flags=(*lesion.flags, doubt))
