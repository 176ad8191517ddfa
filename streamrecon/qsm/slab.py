"""What a thin slab of a head costs its susceptibility, in words.

Sources above and below a slab make a field in it that background removal takes off, and with it
what the slab's own slowly varying sources make. Nothing is left of one axial slice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.model.notice import Level, Notice

_THIN_MM = 60.0  # of a head; below it scales move, see docs/explanation/qsm.md
_FEWEST_MM = 10.0  # at 8 mm maps keep 0.4 to 0.8 of their scale, at 5 mm 0.1 to 0.4
_FEWEST_SLICES = 4  # of 4 mm, two keep 0.05 of their scale, three 0.4 to 0.9, four 0.8 to 1
_FLAT = 1 / 3  # of the next longer side: small animals and vials are small, and no slabs


def slab_notice(mask: NDArray[np.bool_], geometry: Geometry) -> Notice | None:
    """What a reader must know of the thickness of a mask; ``None`` for that of a whole head.

    A warning where little or nothing of χ is in the map: less than 10 mm or four slices of
    something flat. Measured on heads cut across B0, where the loss is largest; one slice along B0
    may keep more, or not (docs/measurements/qsm.md).

    Parameters
    ----------
    mask
        Where susceptibility is known [Z, Y, X].
    geometry
        Its grid.
    """
    if not mask.any():
        return None
    held = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    counts = [int(found[-1] - found[0]) + 1 for found in held]
    sides_mm = [n * side for n, side in zip(counts, geometry.voxel_mm, strict=True)]
    thin_mm, next_mm, _ = sorted(sides_mm)
    slices = counts[sides_mm.index(thin_mm)]
    too_thin = thin_mm < _FEWEST_MM or slices < _FEWEST_SLICES
    if too_thin and thin_mm < _FLAT * next_mm:
        return Notice(
            Level.WARNING,
            f"slab too thin for χ: found {thin_mm:.3g} mm of tissue in {slices} "
            f"slice{'s' if slices > 1 else ''}, needed {_FEWEST_MM:g} mm in {_FEWEST_SLICES}; of a "
            "head cut across B0, maps of one slice keep less than 0.02 of its χ, of 5 mm 0.1-0.4, "
            "of 8 mm 0.4-0.8",
        )
    if thin_mm >= _THIN_MM:
        return None
    loss = "of a head, a fast map keeps 0.7 of its scale at 11 mm and 0.9-1.05 from 20"
    return Notice(
        Level.INFO,
        f"thin slab: {thin_mm:.0f} mm of tissue; {loss}, the others 1-1.2, regions off by 4-16 ppb",
    )
