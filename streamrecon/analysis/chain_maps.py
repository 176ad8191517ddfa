"""What a chain has of one volume, as its readings take it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.lesion_sites import LesionMaps
from streamrecon.model.images import Echoes
from streamrecon.qsm.background.shown_field import shown_local_field
from streamrecon.qsm.field_maps import ChiMap


def lesion_maps_of(
    chi: ChiMap, echoes: Echoes, *, veins: NDArray[np.bool_] | None = None
) -> LesionMaps:
    """Maps that lesions are read from, the same numbers as their images have.

    Parameters
    ----------
    chi
        Susceptibility, with the fields that it was made of.
    echoes
        The images that it was made of.
    veins
        Voxels of veins [Z, Y, X], if they were looked for.
    """
    total, geometry = chi.found.total, chi.scan.geometry
    local = shown_local_field(chi.found.local, total.fit.field_ppm, total.weight, geometry)
    sd_ppm = total.fit.sd_ppm
    return LesionMaps(
        chi_ppm=chi.chi_ppm,
        local_field_ppm=local.field_ppm,
        field_sd_ppm=np.where(np.isfinite(sd_ppm), sd_ppm, np.float32(0)),
        mask=chi.mask,
        geometry=geometry,
        magnitude=np.abs(echoes.data),
        te_s=chi.scan.echoes.times_s(),
        b0_t=chi.scan.b0_t,
        veins=veins,
    )
