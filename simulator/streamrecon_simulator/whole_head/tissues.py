"""What each tissue of the head is made of, at 3 T."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

FAT_SHIFT_PPM = -3.5
"""Chemical shift of the methylene protons of fat against water [ppm of B0]."""


class Label(IntEnum):
    """Tissues; those of `BRAIN` are the brain's mask."""

    AIR = 0
    CAVITY = 1  # air inside the head
    SKIN = 2
    FAT = 3
    MUSCLE = 4
    BONE = 5
    MARROW = 6
    FLUID = 7  # cerebrospinal, outside the brain's hull
    SINUS = 9  # blood outside the brain
    EYE = 10
    LENS = 11
    NERVE = 12  # tissue that bridges the skull
    TONGUE = 13
    MUCOSA = 14
    CORD = 15
    DISC = 16
    WHITE = 20
    GREY = 21
    SULCUS = 22
    VENTRICLE = 23
    CAUDATE = 24
    PUTAMEN = 25
    PALLIDUM = 26
    THALAMUS = 27
    RED_NUCLEUS = 28
    NIGRA = 29
    DENTATE = 30
    STEM = 31
    VEIN = 32
    CALCIFICATION = 33
    BLEED = 34


BRAIN = tuple(label for label in Label if label >= Label.WHITE)
"""Everything within the brain's hull: parenchyma, fluid of sulci and ventricles, veins, lesions."""


@dataclass(frozen=True, slots=True)
class Substance:
    """Means and standard deviations of a tissue's texture.

    Parameters
    ----------
    density, density_sd
        Signal at TE = 0: proton density, flip angle and T1 in one number.
    r2_star_hz, r2_star_sd_hz
        Decay rate [1/s].
    chi_ppm, chi_sd_ppm
        Susceptibility relative to water [ppm].
    fat
        Share of the signal that comes from fat; a grain is all fat or all water.
    """

    density: float
    density_sd: float
    r2_star_hz: float
    r2_star_sd_hz: float
    chi_ppm: float
    chi_sd_ppm: float
    fat: float = 0.0


SUBSTANCES: dict[Label, Substance] = {
    Label.AIR: Substance(0, 0, 0, 0, 9.4, 0),
    Label.CAVITY: Substance(0, 0, 0, 0, 9.4, 0),
    Label.SKIN: Substance(0.55, 0.08, 60, 8, -0.05, 0.02),
    Label.FAT: Substance(0.85, 0.10, 30, 6, 0.6, 0.05, fat=0.93),
    Label.MUSCLE: Substance(0.72, 0.09, 38, 6, -0.02, 0.02, fat=0.04),
    Label.BONE: Substance(0.03, 0.01, 400, 50, -2.1, 0.2),
    Label.MARROW: Substance(0.62, 0.12, 90, 20, -0.1, 0.15, fat=0.6),
    Label.FLUID: Substance(0.58, 0.03, 3, 0.5, 0.0, 0.002),
    Label.SINUS: Substance(0.70, 0.08, 45, 4, 0.3, 0.03),
    Label.EYE: Substance(0.56, 0.01, 3, 0.3, 0.0, 0.0),
    Label.LENS: Substance(0.4, 0.01, 40, 1, -0.05, 0.0),
    Label.NERVE: Substance(0.70, 0.04, 24, 2, -0.03, 0.01),
    Label.TONGUE: Substance(0.74, 0.09, 34, 5, 0.02, 0.03, fat=0.22),
    Label.MUCOSA: Substance(0.78, 0.08, 28, 4, 0.0, 0.02),
    Label.CORD: Substance(0.72, 0.03, 23, 2, -0.02, 0.005),
    Label.DISC: Substance(0.45, 0.06, 45, 5, -0.05, 0.02),
    Label.WHITE: Substance(0.70, 0.025, 23, 1.5, -0.030, 0.010),
    Label.GREY: Substance(0.80, 0.030, 18, 1.5, 0.015, 0.010),
    Label.SULCUS: Substance(0.58, 0.03, 4, 0.5, 0.0, 0.002),
    Label.VENTRICLE: Substance(0.56, 0.01, 2.5, 0.3, 0.0, 0.001),
    Label.CAUDATE: Substance(0.78, 0.02, 32, 2, 0.055, 0.010),
    Label.PUTAMEN: Substance(0.77, 0.02, 36, 3, 0.070, 0.015),
    Label.PALLIDUM: Substance(0.70, 0.03, 58, 5, 0.165, 0.020),
    Label.THALAMUS: Substance(0.74, 0.03, 28, 2, 0.010, 0.012),
    Label.RED_NUCLEUS: Substance(0.70, 0.02, 48, 3, 0.130, 0.015),
    Label.NIGRA: Substance(0.70, 0.02, 52, 4, 0.150, 0.020),
    Label.DENTATE: Substance(0.72, 0.02, 46, 4, 0.105, 0.015),
    Label.STEM: Substance(0.70, 0.025, 24, 1.5, -0.010, 0.010),
    Label.VEIN: Substance(0.74, 0.02, 45, 3, 0.30, 0.02),
    Label.CALCIFICATION: Substance(0.25, 0.05, 180, 20, -1.8, 0.1),
    Label.BLEED: Substance(0.35, 0.06, 160, 20, 1.0, 0.1),
}
"""Signals overlap: cortex, muscle, tongue and mucosa; white matter, blood and marrow; fat and all.

Susceptibilities of bone, air, fat and blood: Schenck (1996) Med Phys 23:815,
doi:10.1118/1.597854; of the nuclei: Langkammer et al. (2012) NeuroImage 62:1593,
doi:10.1016/j.neuroimage.2012.05.049.
"""
