"""Susceptibility of a local field that is given clean: no background was in it, or none is left.

It is inverted otherwise than behind a removal of background of our own, see
`streamrecon.qsm.inversion.total_variation`: there is no rest that sources outside have to explain,
so that they cost what sources inside do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.field_fit import FieldFit, trust_from_noise
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.inversion.methods import Inversion
from streamrecon.qsm.pipeline import DEFAULT_QUALITY, Quality, invert
from streamrecon.qsm.reference import Reference
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.qsm.total_field import TotalField


def susceptibility_of_local_field(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    quality: Quality = DEFAULT_QUALITY,
    inversion: Inversion = Inversion.PRESET,
    sd_ppm: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    reference: Reference = Reference.BRAIN,
    region: NDArray[np.bool_] | None = None,
    is_brain: bool = True,
) -> Susceptibility:
    """Susceptibility of a clean local field [Z, Y, X, ppm], as a preset inverts it.

    Harmonic fields that another removal left in are taken for susceptibility, by slow shades that
    grow towards the rim; where the removal is doubtful, give the echoes instead.

    Parameters
    ----------
    field_ppm
        Local field [Z, Y, X, ppm], positive where B exceeds B0.
    mask
        Where it is trusted [Z, Y, X].
    geometry
        Their grid, which also says where B0 points.
    quality
        Preset; not consensus, which needs to know the phase.
    inversion
        Another inversion than the preset's.
    sd_ppm
        Noise of the field [Z, Y, X, ppm]; read from the field where it is not given.
    magnitude
        Image whose edges, where the map has them too, cost less [Z, Y, X].
    reference
        What is set to zero: the brain or a region.
    region
        Where ``reference`` is the user's region [Z, Y, X].
    is_brain
        Whether the mask is a brain; else the zero is called by what it is.

    Raises
    ------
    ReconError
        If shapes differ, the mask is empty, the field is not finite in it, or the preset is
        consensus.
    """
    if quality is Quality.CONSENSUS:
        raise ReconError("local field: consensus needs the echoes, found their local field alone")
    others = {"mask": mask, "noise": sd_ppm, "magnitude": magnitude, "region": region}
    for name, array in {"field": field_ppm, **others}.items():
        if array is not None and array.shape != geometry.shape:
            raise ReconError(f"{name}: found {array.shape} voxels, needed {geometry.shape}")
    if not mask.any() or not np.isfinite(field_ppm[mask]).all():
        raise ReconError("local field: needed a mask with voxels, and a finite field in it")
    field = np.where(mask, field_ppm, 0).astype(np.float32)
    nothing = np.zeros(mask.shape, np.float32)
    sd = np.full_like(nothing, np.inf) if sd_ppm is None else np.asarray(sd_ppm, np.float32)
    total = TotalField(
        FieldFit(field, sd, nothing, nothing, 0.0),
        mask,
        mask.astype(np.float32) if sd_ppm is None else trust_from_noise(sd, mask),
        nothing if magnitude is None else np.asarray(magnitude, np.float32),
        np.zeros_like(mask),
        mask.astype(np.float32),
        (),
        is_brain=is_brain,
    )
    local = LocalField("none, the local field is given", field, mask, is_clean=True)
    return invert(
        total,
        local,
        geometry,
        quality=quality,
        inversion=inversion,
        reference=reference,
        region=region,
    )
