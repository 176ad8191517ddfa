"""The local field where it is not believed, and the local field as it is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background.pdf import PDF, LocalField, remove_pdf

_NEIGHBOURS_VOXELS = 1.0
_LEAST = 1e-3  # of a neighbourhood is believed; else there is nothing to take over


def filled_from_neighbours(local: LocalField, weight: NDArray[np.floating]) -> LocalField:
    """Voxels without weight take the weighted mean of their neighbours, 0 where there are none.

    What a line through the phase did not fit is no field: the 0.03 % of such voxels of a head
    phantom held as much error as all others together.

    Parameters
    ----------
    local
        Field with its background off.
    weight
        Trust in the total field [Z, Y, X]; 0 where it is not believed.
    """
    doubted = local.mask & (weight == 0)
    if not doubted.any():
        return local
    trust = np.where(local.mask, np.square(weight), 0).astype(np.float32)
    around = gaussian_filter(trust, _NEIGHBOURS_VOXELS)
    mean = gaussian_filter(local.field_ppm * trust, _NEIGHBOURS_VOXELS)
    known = around > _LEAST * float(trust.max(initial=0))
    mean = np.divide(mean, around, out=np.zeros_like(mean), where=known)
    return replace(local, field_ppm=np.where(doubted, mean, local.field_ppm))


def shown_local_field(
    local: LocalField,
    total_ppm: NDArray[np.floating],
    weight: NDArray[np.floating],
    geometry: Geometry,
) -> LocalField:
    """The local field for the eye: in place of a weighted PDF's that of one without weights.

    Weights serve the map, and cost the local field itself 1-12 % more error: they leave the outer
    field where it is noisy. Another removal's field is shown as it is. The cost is that of PDF.

    Parameters
    ----------
    local
        Field that the map is made of.
    total_ppm, weight
        Total field [Z, Y, X, ppm], and trust in it.
    geometry
        Their grid.
    """
    if local.method != PDF:
        return local
    believed = (weight > 0).astype(np.float32)
    found = remove_pdf(total_ppm, local.mask, geometry, weight=believed)
    return filled_from_neighbours(found, weight)
