"""What susceptibility of a region is counted from: the whole brain or mask, and fluid if any.

Means against one zero are never compared with means against another: a change of the zero is the
largest error of a follow-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.region_statistics import sigma_of_mean
from streamrecon.errors import ReconError
from streamrecon.qsm.reference import Reference, csf_by_decay

Flags = NDArray[np.bool_]

WHOLE_BRAIN = Reference.BRAIN.value
WHOLE_MASK = Reference.MASK.value
CSF = "CSF"

REFERENCES = {"brain": WHOLE_BRAIN, "csf": CSF}
"""Words of options and parameters, and what stands beside a number."""

_FEWEST_VOXELS = 30
_FLUID = ("ventricle", "csf", "cerebrospinal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Zero:
    """A region whose mean susceptibility counts as zero.

    Parameters
    ----------
    name
        What stands beside each number.
    chi_ppm
        Its mean on the map as it came [ppm].
    sigma_ppm
        Standard deviation of that mean by noise [ppm]; ``None`` where no noise is known.
    voxels
        How many it has.
    """

    name: str
    chi_ppm: float
    sigma_ppm: float | None
    voxels: int


def zeros_of_map(
    chi_ppm: NDArray[np.floating],
    mask: Flags,
    csf: Flags | None,
    *,
    whole: str = WHOLE_BRAIN,
    chi_sd_ppm: NDArray[np.floating] | None = None,
    voxel_mm3: float,
    alike_mm3: float,
) -> tuple[Zero, ...]:
    """The zeros that a map offers: all of the mask first, fluid where 30 voxels of it are known.

    ``whole`` is what the mask is called: `WHOLE_BRAIN`, or `WHOLE_MASK` where it is none.

    Raises
    ------
    ReconError
        If the mask has fewer than 30 voxels.
    """
    places = {whole: mask, CSF: None if csf is None else csf & mask}
    inside = {name: place for name, place in places.items() if place is not None}
    if (found := int(mask.sum())) < _FEWEST_VOXELS:
        raise ReconError(f"mask: found {found} voxels, needed {_FEWEST_VOXELS}")
    return tuple(
        Zero(
            name=name,
            chi_ppm=float(chi_ppm[place].mean(dtype=np.float64)),
            sigma_ppm=None
            if chi_sd_ppm is None
            else sigma_of_mean(chi_sd_ppm[place], voxel_mm3, alike_mm3),
            voxels=int(place.sum()),
        )
        for name, place in inside.items()
        if place.sum() >= _FEWEST_VOXELS
    )


def fluid_of(
    regions: Iterable[tuple[str, Flags]],
    r2_star_per_s: NDArray[np.floating] | None,
    mask: Flags,
) -> Flags | None:
    """Fluid that may be a zero [Z, Y, X]: what is labelled so, else what decays slowly.

    >>> fluid_of([("left ventricle", np.ones(2, bool))], None, np.ones(2, bool))
    array([ True,  True])
    """
    labelled = [flags for name, flags in regions if any(w in name.lower() for w in _FLUID)]
    if labelled:
        return np.asarray(np.any(labelled, axis=0))
    return None if r2_star_per_s is None else csf_by_decay(r2_star_per_s, mask)
