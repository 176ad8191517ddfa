"""Codes of readings: units, names of values, kinds of things; our own scheme where there is none.

References
----------
DICOM PS3.16 (CID 7180, 7464, 7469), UCUM, SNOMED CT.
"""

from __future__ import annotations

from streamrecon.analysis.deep_nuclei.nuclei import Nucleus, Side, place_of
from streamrecon.analysis.reading import Extent
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.outputs.storage_form import NO_UNIT, PPB, Code

SCHEME = "99STREAMRECON"
"""Designator of the codes that we made ourselves."""

ANATOMY = Code("91723000", "SCT", "Anatomical structure")
ABNORMAL = Code("49755003", "SCT", "Morphologically abnormal structure")
LESION = Code("52988006", "SCT", "Lesion")
BRAIN = Code("12738006", "SCT", "Brain")
VEIN = Code("29092000", "SCT", "Vein")

_LONGEST_VALUE, _LONGEST_MEANING = 16, 64
_CHI = Code("126396", "DCM", "Magnetic Susceptibility")
_R2_STAR = Code("126395", "DCM", "R2*")
_MEAN = Code("373098007", "SCT", "Mean")
_MEDIAN = Code("373099004", "SCT", "Median")
_SPREAD = Code("386136009", "SCT", "Standard Deviation")
_PERCENTILE_5 = Code("371888009", "SCT", "Fifth percentile")

_UNITS = {
    "ppb": PPB,
    "[ppb]": PPB,
    "ppm": Code("[ppm]", "UCUM", "parts per million"),
    "[ppm]": Code("[ppm]", "UCUM", "parts per million"),
    "1/s": Code("/s", "UCUM", "per second"),
    "/s": Code("/s", "UCUM", "per second"),
    "ppm mm3": Code("[ppm].mm3", "UCUM", "parts per million times cubic millimeter"),
    "[ppm].mm3": Code("[ppm].mm3", "UCUM", "parts per million times cubic millimeter"),
    "mL/(100 g min)": Code("mL/(100.g.min)", "UCUM", "milliliter per 100 gram minute"),
    "umol/(100 g min)": Code("umol/(100.g.min)", "UCUM", "micromole per 100 gram minute"),
    "mm": Code("mm", "UCUM", "millimeter"),
    "mm3": Code("mm3", "UCUM", "cubic millimeter"),
    "deg": Code("deg", "UCUM", "degree"),
    "ug": Code("ug", "UCUM", "microgram"),
    "ug/g": Code("ug/g", "UCUM", "microgram per gram"),
    "": NO_UNIT,
    "1": NO_UNIT,
}
"""What readings write → UCUM; anything else is given as it is."""

_CONCEPTS: dict[str, tuple[Code, Code | None]] = {
    "mean_chi": (_CHI, _MEAN),
    "median_chi": (_CHI, _MEDIAN),
    "sd_chi": (_CHI, _SPREAD),
    "p5_chi": (_CHI, _PERCENTILE_5),
    "delta_chi": (_CHI, None),
    "r2_star": (_R2_STAR, None),
    "mean_r2star": (_R2_STAR, _MEAN),
    "sd_r2star": (_R2_STAR, _SPREAD),
    "oef": (Code("126392", "DCM", "Oxygen Extraction Fraction"), None),
    "yv": (Code("2711-0", "LN", "Venous Oxygen saturation"), None),
    "volume": (Code("118565006", "SCT", "Volume"), None),
    "lesion_volume": (Code("118565006", "SCT", "Volume"), None),
    "diameter": (Code("81827009", "SCT", "Diameter"), None),
}
"""Name of a value → what is measured, and how it was derived from several numbers."""

_KINDS = {
    "bleed": (Code("50960005", "SCT", "Hemorrhage"), ABNORMAL),
    "calcification": (Code("18115005", "SCT", "Pathologic calcification"), ABNORMAL),
    "vessel": (Code("59820001", "SCT", "Blood vessel"), ANATOMY),
    "vein": (VEIN, ANATOMY),
    "brain": (BRAIN, ANATOMY),
    "lesion": (LESION, ABNORMAL),
    "indeterminate": (LESION, ABNORMAL),
}
_NUCLEI = {
    Nucleus.CAUDATE: Code("11000004", "SCT", "Caudate nucleus"),
    Nucleus.PUTAMEN: Code("89278009", "SCT", "Putamen"),
    Nucleus.PALLIDUM: Code("14738005", "SCT", "Globus pallidus"),
    Nucleus.THALAMUS: Code("42695009", "SCT", "Thalamus"),
    Nucleus.NIGRA: Code("70007007", "SCT", "Substantia nigra"),
}
_SIDES = {
    Side.LEFT: Code("7771000", "SCT", "Left"),
    Side.RIGHT: Code("24028007", "SCT", "Right"),
}


def own(word: str, meaning: str = "") -> Code:
    """A code of our own scheme.

    >>> own("robust_mean_chi").value, own("robust_mean_chi").meaning
    ('robust_mean_chi', 'robust mean chi')
    """
    return Code(word, SCHEME, (meaning or word.replace("_", " "))[:_LONGEST_MEANING])


def unit_of(text: str) -> Code:
    """The unit of a value in UCUM.

    >>> unit_of("ppb").value, unit_of("").value
    ('[ppb]', '1')
    """
    return _UNITS.get(text) or Code(text[:_LONGEST_VALUE], "UCUM", text[:_LONGEST_MEANING])


def concept_of(name: str) -> tuple[Code, Code | None]:
    """What a value measures, and how it was derived, where a public code says it."""
    return _CONCEPTS.get(name) or (own(name), None)


def map_concept(name: str) -> Code:
    """What a map measures: that of the quantity of its name, else our own code."""
    named = (each.dicom for each in Quantity if each.label == name)
    return next((row.concept for row in named if row and row.concept), None) or own(name)


def kind_of(extent: Extent) -> tuple[Code, Code]:
    """What an extent is, and of which category: anatomy, or what should not be there."""
    if extent.what in _KINDS:
        return _KINDS[extent.what]
    nucleus = place_of(extent.subject).nucleus
    if nucleus is None:
        return own(extent.what), ANATOMY
    return _NUCLEI.get(nucleus) or own(nucleus.name.lower(), nucleus.value), ANATOMY


def side_of(subject: str) -> Code | None:
    """The side that a subject's name says."""
    side = place_of(subject).side
    return None if side is None else _SIDES[side]
