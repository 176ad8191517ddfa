"""The zero of a susceptibility map: dipole inversion knows χ only up to a constant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, binary_opening

from streamrecon.errors import ReconError

Real = NDArray[np.float32]

_CSF_R2STAR_PER_S = 8.0  # ventricles are near 2-4 1/s at 3 T, tissue above 12
_FEWEST_VOXELS = 30


class Reference(Enum):
    """What is set to zero; the last two in place of the first two where no brain was recognised."""

    BRAIN = "whole brain"
    CSF = "cerebrospinal fluid"
    REGION = "user region"
    MASK = "whole mask"
    SLOW_DECAY = "slow decay"


_UNRECOGNISED = {Reference.BRAIN: Reference.MASK, Reference.CSF: Reference.SLOW_DECAY}


@dataclass(frozen=True, slots=True, eq=False)
class Referenced:
    """A map with a zero, and what another choice would have changed.

    Parameters
    ----------
    chi_ppm
        [Z, Y, X, ppm]; 0 outside the mask.
    reference
        What was set to zero.
    offset_ppm
        What was taken off [ppm].
    others
        Mean and spread of the other regions on this map [ppm].
    """

    chi_ppm: Real
    reference: Reference
    offset_ppm: float
    others: dict[Reference, tuple[float, float]]

    def __str__(self) -> str:
        text = f"zero: {self.reference.value}"
        for other, (mean, spread) in self.others.items():
            text += f"; {other.value} {1e3 * mean:+.1f} ± {1e3 * spread:.1f} ppb"
        return text


def set_reference(
    chi_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    csf: NDArray[np.bool_] | None = None,
    region: NDArray[np.bool_] | None = None,
    reference: Reference = Reference.BRAIN,
    is_brain: bool = True,
) -> Referenced:
    """Map whose mean over the reference is zero.

    Parameters
    ----------
    chi_ppm, mask
        Map [Z, Y, X, ppm] and where it is known.
    csf, region
        Ventricles, and the user's region [Z, Y, X], as far as there are any.
    reference
        What is set to zero: brain, CSF or region.
    is_brain
        Whether the mask is a brain. What is none is not called one: its zero is the mean of the
        whole mask, and what decays slowly in it is no cerebrospinal fluid.

    Raises
    ------
    ReconError
        If the reference holds fewer than 30 voxels of the mask.

    References
    ----------
    QSM Consensus (2024) Magn Reson Med 91:1834. doi:10.1002/mrm.30006
    """
    places = {Reference.BRAIN: mask, Reference.CSF: csf, Reference.REGION: region}
    if not is_brain:
        places = {_UNRECOGNISED.get(name, name): place for name, place in places.items()}
        reference = _UNRECOGNISED.get(reference, reference)
    inside = {name: place & mask for name, place in places.items() if place is not None}
    if reference not in inside or inside[reference].sum() < _FEWEST_VOXELS:
        found = int(inside[reference].sum()) if reference in inside else 0
        raise ReconError(
            f"reference: found {found} voxels of {reference.value}, needed {_FEWEST_VOXELS}"
        )
    offset = float(np.mean(chi_ppm[inside[reference]], dtype=np.float64))
    chi = np.where(mask, chi_ppm - offset, 0).astype(np.float32)
    others = {
        name: (float(chi[place].mean(dtype=np.float64)), float(chi[place].std(dtype=np.float64)))
        for name, place in inside.items()
        if name is not reference and place.sum() >= _FEWEST_VOXELS
    }
    return Referenced(chi, reference, offset, others)


def csf_mask(
    magnitude: NDArray[np.floating], mask: NDArray[np.bool_], te_s: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Ventricles: slow decay, deep inside [Z, Y, X]; empty where none are found.

    Taken where R2* from the first and last echo is below 8 1/s, at least a sixth of the brain's
    depth from its rim, specks removed. A field that dephases hides them; so does one echo.

    Parameters
    ----------
    magnitude
        Of each echo [E, Z, Y, X].
    mask
        The brain [Z, Y, X].
    te_s
        Echo times [s].
    """
    if len(te_s) < 2 or not mask.any():
        return np.zeros(mask.shape, np.bool_)
    first, last = (np.maximum(np.asarray(magnitude[e], np.float32), 1e-20) for e in (0, -1))
    return csf_by_decay(np.log(first / last) / np.float32(te_s[-1] - te_s[0]), mask)


def csf_by_decay(r2_star_per_s: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """As `csf_mask`, of a map of R2* [Z, Y, X, 1/s]."""
    layers = max(2, round(float(np.cbrt(mask.sum())) / 12))
    deep = binary_erosion(mask, iterations=layers)
    return np.asarray(binary_opening(deep & (r2_star_per_s < _CSF_R2STAR_PER_S)), np.bool_)
