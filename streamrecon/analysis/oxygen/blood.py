"""Oxygen in blood: from susceptibility to saturation, extraction and consumption.

Susceptibilities are volume susceptibilities in SI; the literature gives them in cgs, which is SI
over 4π. Hypoxic blood is paramagnetic: Δχ grows as saturation falls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from streamrecon.errors import ReconError

SI_OVER_CGS = 4 * math.pi

DEOXYGENATED_PPM_CGS: Mapping[str, float] = MappingProxyType(
    {"spees-2001": 0.27, "jain-2012": 0.273, "weisskoff-1992": 0.18}
)
"""Δχ of red cells, fully deoxygenated less fully oxygenated [ppm, cgs], by who measured it.

doi:10.1002/mrm.1072, doi:10.1002/mrm.23302, doi:10.1002/mrm.1910240219. The last, a third lower,
still stands in the literature; it was measured with an indirect method.
"""

_OXYGENATED_PPM_CGS = -0.008  # of oxygenated red cells less plasma; Jain (2012)
_HAEMOGLOBIN_G_PER_L = 333.0  # of red cells
_HAEMOGLOBIN_KDA = 64.5
_SITES = 4
_HAEMATOCRITS = 0.15, 0.75


class BloodModel(Enum):
    """Which equation gives the saturation."""

    FULL = "full"
    TEXTBOOK = "textbook"  # without the offset of oxygenated cells and of tissue


@dataclass(frozen=True, slots=True, kw_only=True)
class Blood:
    """What is known of a patient's blood.

    Parameters
    ----------
    haematocrit
        Volume of red cells over that of blood; never assumed here.
    deoxygenated_ppm
        Δχ of red cells, fully deoxygenated less fully oxygenated [ppm, SI].
    oxygenated_ppm
        χ of oxygenated red cells less plasma [ppm, SI].
    tissue_ppm
        χ of the surrounding tissue less plasma [ppm, SI].
    arterial
        Arterial saturation, 0 … 1.
    model
        ``TEXTBOOK`` takes both offsets for zero, which raises Yv by 0.03.

    Raises
    ------
    ReconError
        If haematocrit or arterial saturation cannot be.
    """

    haematocrit: float
    deoxygenated_ppm: float = SI_OVER_CGS * DEOXYGENATED_PPM_CGS["spees-2001"]
    oxygenated_ppm: float = SI_OVER_CGS * _OXYGENATED_PPM_CGS
    tissue_ppm: float = 0.0
    arterial: float = 0.98
    model: BloodModel = BloodModel.FULL

    def __post_init__(self) -> None:
        low, high = _HAEMATOCRITS
        if not low <= self.haematocrit <= high:
            raise ReconError(
                f"haematocrit: found {self.haematocrit:g}, needed a fraction of {low} to {high}"
            )
        if not 0.5 <= self.arterial <= 1:
            raise ReconError(
                f"arterial saturation: found {self.arterial:g}, needed a fraction of 0.5 to 1"
            )
        if not self.deoxygenated_ppm > 0:
            raise ReconError(f"deoxygenated blood: found {self.deoxygenated_ppm:g} ppm, needed > 0")

    def offset_ppm(self) -> float:
        """Susceptibility of fully oxygenated blood less that of tissue [ppm]."""
        if self.model is BloodModel.TEXTBOOK:
            return 0.0
        return self.haematocrit * self.oxygenated_ppm - self.tissue_ppm

    def chi_of(self, saturation: float) -> float:
        """Susceptibility of blood less that of tissue [ppm].

        >>> round(Blood(haematocrit=0.42, model=BloodModel.TEXTBOOK).chi_of(0.6), 4)
        0.57
        """
        red = self.haematocrit * self.deoxygenated_ppm
        return red * (1 - saturation) + self.offset_ppm()

    def saturation_of(self, chi_ppm: float) -> float:
        """Venous saturation Yv of blood whose susceptibility exceeds tissue's by so much.

        >>> blood = Blood(haematocrit=0.42)
        >>> round(blood.saturation_of(blood.chi_of(0.6)), 6)
        0.6
        """
        return 1 - (chi_ppm - self.offset_ppm()) / (self.haematocrit * self.deoxygenated_ppm)

    def saturation_sd(self, chi_sd_ppm: float) -> float:
        """Standard deviation of Yv that noise of Δχ makes; that of the haematocrit is not in it."""
        return chi_sd_ppm / (self.haematocrit * self.deoxygenated_ppm)

    def extraction_of(self, saturation: float) -> float:
        """Oxygen extraction fraction (Ya − Yv)/Ya."""
        return (self.arterial - saturation) / self.arterial

    def capacity_umol_per_ml(self) -> float:
        """Oxygen that saturated blood carries, bound to haemoglobin [µmol/ml].

        >>> round(Blood(haematocrit=0.42).capacity_umol_per_ml(), 3)
        8.673
        """
        return _SITES * _HAEMOGLOBIN_G_PER_L / _HAEMOGLOBIN_KDA * self.haematocrit

    def consumption(self, flow_ml: float, saturation: float) -> float:
        """CMRO2 [µmol/100 g/min] of a blood flow [ml/100 g/min], by Fick's principle.

        >>> round(Blood(haematocrit=0.42).consumption(50, 0.6), 1)
        164.8
        """
        return flow_ml * self.capacity_umol_per_ml() * (self.arterial - saturation)
