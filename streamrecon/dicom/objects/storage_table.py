"""What DICOM calls each quantity, and how its numbers are stored: one table.

A later map fits in by adding a row. No two rows share a number or a suffix: UIDs follow from them.
"""

from __future__ import annotations

import math

from streamrecon.dicom.objects.storage_form import Code, StorageForm
from streamrecon.dicom.objects.value_representations import decimal
from streamrecon.errors import DataError
from streamrecon.model.images import Volume
from streamrecon.model.quantities import Quantity


def _written(slope: float) -> float:
    """The slope as a decimal string says it, so that both forms of it in a file agree."""
    return float(decimal(slope))


_DERIVED = ("DERIVED", "PRIMARY", "OTHER")
_PROJECTION = ("DERIVED", "PRIMARY", "PROJECTION IMAGE")
_PPB = Code("[ppb]", "UCUM", "parts per billion")
_RAD = Code("rad", "UCUM", "radian")
_PER_S = Code("/s", "UCUM", "per second")
_MS = Code("ms", "UCUM", "millisecond")
_HZ = Code("Hz", "UCUM", "hertz")
_ONE = Code("1", "UCUM", "no units")
_CHI = Code("126396", "DCM", "Magnetic Susceptibility")
_FIELD = Code("110807", "DCM", "Field Map MR Signal Intensity")
_MINIMUM = Code("113079", "DCM", "Minimum intensity projection")
_MAXIMUM = Code("113078", "DCM", "Maximum intensity projection")


def _in_ppb(
    number: int,
    suffix: str,
    image_type: tuple[str, ...],
    *,
    window: tuple[float, float],
    concept: Code | None = _CHI,
    priority: int = 4,
    derivation: Code | None = None,
) -> StorageForm:
    """Whole ppb, signed, without a rescale: who ignores scales reads the right number."""
    return StorageForm(
        number,
        suffix,
        image_type,
        unit=_PPB,
        concept=concept,
        per_unit=1e3,
        signed=True,
        window=window,
        priority=priority,
        derivation=derivation,
    )


def _mapped(
    number: int,
    suffix: str,
    image_type: tuple[str, ...],
    *,
    slope: float,
    unit: Code,
    per_unit: float = 1.0,
    window: tuple[float, float],
    concept: Code | None = None,
    signed: bool = False,
    priority: int = 6,
) -> StorageForm:
    """Steps of ``slope``; ``per_unit`` units make one of the model's."""
    return StorageForm(
        number,
        suffix,
        image_type,
        slope=slope,
        unit=unit,
        concept=concept,
        per_unit=per_unit,
        signed=signed,
        window=window,
        priority=priority,
    )


def _mask(number: int, suffix: str, word: str) -> StorageForm:
    """Zero and one as they are."""
    kind = (*_DERIVED, word)
    return _mapped(number, suffix, kind, slope=1.0, unit=_ONE, window=(0.5, 1.0))


STORAGE_FORMS: dict[Quantity, StorageForm] = {
    Quantity.MAGNITUDE: StorageForm(
        1, "Mag", ("ORIGINAL", "PRIMARY", "OTHER", "M", "ND"), priority=1
    ),
    Quantity.PHASE: _mapped(
        2,
        "Pha",
        ("ORIGINAL", "PRIMARY", "PHASE MAP", "P", "ND"),
        slope=_written(math.pi / 4096),
        unit=_RAD,
        signed=True,
        window=(0.0, 2 * math.pi),
        priority=3,
    ),
    Quantity.SWI: StorageForm(4, "SWI", (*_DERIVED, "SWI"), priority=2),
    Quantity.SWI_MINIP: StorageForm(
        5, "SWI_mIP", (*_PROJECTION, "MINIP", "SWI"), derivation=_MINIMUM, priority=2
    ),
    Quantity.TSWI: StorageForm(6, "tSWI", (*_DERIVED, "TSWI"), priority=4),
    Quantity.CHI: _in_ppb(7, "QSM_ppb", (*_DERIVED, "QSM"), window=(0.0, 400.0)),
    Quantity.R2_STAR: _mapped(
        8,
        "R2star_per_s",
        (*_DERIVED, "R2_STAR"),
        slope=0.1,
        unit=_PER_S,
        concept=Code("126395", "DCM", "R2*"),
        window=(50.0, 100.0),
        priority=5,
    ),
    Quantity.T2_STAR: _mapped(
        9,
        "T2star_ms",
        (*_DERIVED, "T2_STAR"),
        slope=0.1,
        unit=_MS,
        per_unit=1e3,
        concept=Code("113064", "DCM", "T2*"),
        window=(50.0, 100.0),
        priority=5,
    ),
    Quantity.FIELD_HZ: _mapped(
        10,
        "B0map_Hz",
        (*_DERIVED, "FIELD_MAP"),
        slope=0.1,
        unit=_HZ,
        concept=_FIELD,
        signed=True,
        window=(0.0, 400.0),
    ),
    Quantity.LOCAL_FIELD: _in_ppb(
        11,
        "LocalField_ppb",
        (*_DERIVED, "LOCAL_FIELD"),
        window=(0.0, 200.0),
        concept=None,
        priority=6,
    ),
    Quantity.CHI_PREVIEW: _in_ppb(
        12, "QSMpreview_ppb", (*_DERIVED, "QSM"), window=(0.0, 400.0), priority=3
    ),
    Quantity.CHI_SD: _mapped(
        13,
        "QSMsd_ppb",
        (*_DERIVED, "QSM_SD"),
        slope=0.1,
        unit=_PPB,
        per_unit=1e3,
        window=(25.0, 50.0),
    ),
    Quantity.FIELD: _in_ppb(
        14,
        "TotalField_ppb",
        (*_DERIVED, "FIELD_MAP"),
        window=(0.0, 4000.0),
        concept=None,
        priority=6,
    ),
    Quantity.SWI_DIA: StorageForm(15, "SWI_dia", (*_DERIVED, "SWI"), priority=2),
    Quantity.TSWI_DIA: StorageForm(16, "tSWI_dia", (*_DERIVED, "TSWI"), priority=4),
    Quantity.TSWI_MINIP: StorageForm(
        17, "tSWI_mIP", (*_PROJECTION, "MINIP", "TSWI"), derivation=_MINIMUM, priority=4
    ),
    Quantity.CHI_MIP: _in_ppb(
        18,
        "QSM_MIP_ppb",
        (*_PROJECTION, "MIP", "QSM"),
        window=(200.0, 400.0),
        derivation=_MAXIMUM,
        priority=5,
    ),
    Quantity.R2_STAR_SD: _mapped(
        19,
        "R2starsd_per_s",
        (*_DERIVED, "R2_STAR_SD"),
        slope=0.1,
        unit=_PER_S,
        window=(10.0, 20.0),
    ),
    Quantity.FIELD_SD: _mapped(
        20,
        "Fieldsd_ppb",
        (*_DERIVED, "FIELD_SD"),
        slope=0.1,
        unit=_PPB,
        per_unit=1e3,
        window=(25.0, 50.0),
    ),
    Quantity.MASK: _mask(21, "Mask", "MASK"),
    Quantity.VEINS: _mask(22, "Veins", "VEINS"),
    Quantity.PHASE_QUALITY: _mapped(
        23,
        "PhaseQuality",
        (*_DERIVED, "QUALITY"),  # with "PHASE" in it dcm2niix would take it for phase
        slope=0.001,
        unit=_ONE,
        window=(0.5, 1.0),
    ),
    Quantity.SNR: _mapped(
        24, "SNR", (*_DERIVED, "SNR"), slope=0.1, unit=_ONE, window=(50.0, 100.0)
    ),
    Quantity.S0: StorageForm(25, "S0", (*_DERIVED, "S0"), priority=6),
    Quantity.R2_STAR_MISFIT: _mapped(
        26,
        "R2starMisfit",
        (*_DERIVED, "R2_STAR_MISFIT"),
        slope=0.01,
        unit=_ONE,
        window=(2.5, 5.0),
    ),
    Quantity.MAGNITUDE_PREVIEW: StorageForm(27, "MagPreview", (*_DERIVED, "PREVIEW"), priority=1),
    Quantity.SWI_PREVIEW: StorageForm(28, "SWIpreview", (*_DERIVED, "SWI"), priority=1),
    Quantity.G_FACTOR: _mapped(
        29, "GFactor", (*_DERIVED, "G_FACTOR"), slope=0.001, unit=_ONE, window=(2.0, 4.0)
    ),
}
"""The outputs that have a DICOM form."""

COMBINED = StorageForm(3, "MagComb", (*_DERIVED, "M", "SOS"), priority=1)
"""Magnitude of all echoes together."""


def has_row(quantity: Quantity) -> bool:
    """Whether the quantity has a DICOM form."""
    return quantity in STORAGE_FORMS


def row_of(volume: Volume) -> StorageForm:
    """How the volume is stored.

    Raises
    ------
    DataError
        If the quantity has no DICOM form.
    """
    if volume.quantity is Quantity.MAGNITUDE and volume.echo is None:
        return COMBINED
    row = STORAGE_FORMS.get(volume.quantity)
    if row is None:
        known = ", ".join(quantity.label for quantity in STORAGE_FORMS)
        raise DataError(f"{volume.quantity.label}: has no DICOM form, needed one of {known}")
    return row
