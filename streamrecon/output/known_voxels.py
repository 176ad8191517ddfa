"""Where a map is known: 0 is where it is not, but a 0 inside a map of whole ppb was rounded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

Flags = NDArray[np.bool_]

_ROUNDING = 1e-3  # of a ppb: floats of 1000 ppb are off by a tenth of it
_SAMPLES = 100_000  # voxels looked at


def known_voxels(map_ppm: NDArray[np.generic], mask: Flags | None = None) -> Flags:
    """Voxels with a value [Z, Y, X].

    In a map of whole ppb a 0 is a value, too, where known voxels enclose it: no way over zeros
    leads from there out of the mask or, without one, out of the grid. A 0 on the outermost slice
    of a slab without a mask is so taken for unknown.

    Parameters
    ----------
    map_ppm
        Susceptibility or a field [Z, Y, X, ppm].
    mask
        Where it may be known [Z, Y, X].
    """
    known = np.isfinite(map_ppm) & (map_ppm != 0)
    if _is_whole_ppb(map_ppm[known]):
        known |= _enclosed(known, mask) & np.isfinite(map_ppm)
    return np.asarray(known if mask is None else known & mask, np.bool_)


def _is_whole_ppb(values_ppm: NDArray[np.generic]) -> bool:
    some = values_ppm[:: max(1, values_ppm.size // _SAMPLES)].astype(np.float32)
    ppb = some * np.float32(1e3)
    return bool((np.abs(ppb - np.rint(ppb)) < _ROUNDING).all())


def _enclosed(known: Flags, mask: Flags | None) -> Flags:
    """Voxels that are not known, and from which no way along faces leads outside."""
    beyond = np.zeros_like(known) if mask is None else ~mask
    outside = np.pad(beyond, 1, constant_values=mask is None)
    pieces, _ = label(np.pad(~known, 1) | outside)
    enclosed = (pieces > 0) & ~np.isin(pieces, np.unique(pieces[outside]))
    return np.asarray(enclosed[1:-1, 1:-1, 1:-1], np.bool_)
