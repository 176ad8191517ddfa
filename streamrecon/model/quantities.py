"""What the numbers of an image can be: every output, with its words."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class _Facts(NamedTuple):
    label: str  # stable word on the wire and in file names
    unit: str  # as read by a person
    ucum: str  # as read by a machine (UCUM)


class Quantity(Enum):
    """What the numbers of a volume are."""

    MAGNITUDE = _Facts("magnitude", "", "1")
    PHASE = _Facts("phase", "rad", "rad")
    REAL = _Facts("real", "", "1")
    IMAGINARY = _Facts("imaginary", "", "1")
    COMPLEX = _Facts("complex", "", "{complex}")
    FIELD = _Facts("field", "ppm", "[ppm]")
    LOCAL_FIELD = _Facts("local_field", "ppm", "[ppm]")
    CHI = _Facts("chi", "ppm", "[ppm] ")
    R2_STAR = _Facts("r2star", "1/s", "/s")
    T2_STAR = _Facts("t2star", "s", "s")
    SWI = _Facts("swi", "", "1")
    SWI_MINIP = _Facts("minip", "", "1")
    TSWI = _Facts("tswi", "", "1")
    CHI_PREVIEW = _Facts("chi_preview", "ppm", "[ppm]")
    CHI_SD = _Facts("chi_sd", "ppm", "[ppm]")
    FIELD_HZ = _Facts("field_hz", "Hz", "Hz")
    FIELD_SD = _Facts("field_sd", "ppm", "[ppm]")
    MASK = _Facts("mask", "", "1")
    PHASE_QUALITY = _Facts("phase_quality", "", "1")
    SNR = _Facts("snr", "", "1")
    SWI_DIA = _Facts("swi_dia", "", "1")
    TSWI_DIA = _Facts("tswi_dia", "", "1")
    TSWI_MINIP = _Facts("tswi_minip", "", "1")
    CHI_MIP = _Facts("chi_maxip", "ppm", "[ppm]")
    S0 = _Facts("s0", "", "1")
    R2_STAR_SD = _Facts("r2star_sd", "1/s", "/s")
    R2_STAR_MISFIT = _Facts("r2star_misfit", "", "1")
    VEINS = _Facts("veins", "", "1")
    MAGNITUDE_PREVIEW = _Facts("magnitude_preview", "", "1")
    SWI_PREVIEW = _Facts("swi_preview", "", "1")
    G_FACTOR = _Facts("g_factor", "", "1")

    @property
    def label(self) -> str:
        """Stable word for the wire and for file names."""
        return self.value.label

    @property
    def unit(self) -> str:
        """Unit as read by a person; empty where the scale is arbitrary."""
        return self.value.unit

    @property
    def ucum(self) -> str:
        """Unit as read by a machine (UCUM)."""
        return self.value.ucum.strip()
