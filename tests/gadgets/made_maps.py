"""Fields and susceptibility as a chain hands them on, made of arrays."""

from __future__ import annotations

import numpy as np

from streamrecon.model.scan import Scan
from streamrecon.phase.field_fit import FieldFit
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.qsm.pipeline import Quality
from streamrecon.qsm.reference import Reference, Referenced
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.qsm.total_field import TotalField


def total_field_of(
    mask: np.ndarray,
    *,
    field_ppm: np.ndarray | None = None,
    sd_ppm: np.ndarray | None = None,
    magnitude: np.ndarray | None = None,
    noise: float = 0.0,
    is_brain: bool = True,
) -> TotalField:
    """The field of one volume [Z, Y, X]; what is not given is 0, the weight 1 in the mask."""
    field, sd, size = (
        np.zeros(mask.shape, np.float32) if given is None else given.astype(np.float32)
        for given in (field_ppm, sd_ppm, magnitude)
    )
    zero = np.zeros(mask.shape, np.float32)
    return TotalField(
        FieldFit(field, sd, zero, zero, noise),
        mask=mask,
        weight=mask.astype(np.float32),
        magnitude=size,
        csf=np.zeros(mask.shape, bool),
        quality=0.5 * mask.astype(np.float32),
        notices=(),
        is_brain=is_brain,
    )


def chi_map(chi_ppm: np.ndarray, total: TotalField, scan: Scan) -> ChiMap:
    """The finished map [Z, Y, X] of a field that has no background."""
    found = Susceptibility(
        Referenced(chi_ppm.astype(np.float32), Reference.BRAIN, 0.0, {}),
        total.mask,
        total,
        LocalField("given", total.fit.field_ppm, total.mask),
        notices=(),
    )
    return ChiMap(found, (), Quality.STANDARD, scan)
