"""What DICOM calls each quantity, and how its numbers are stored: one table.

A later map fits in by adding a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from streamrecon.dicom.words import decimal
from streamrecon.errors import DataError
from streamrecon.model.images import Quantity, Volume
from streamrecon.model.scan import Scan


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: value, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Row:
    """How one output is stored.

    Parameters
    ----------
    number
        Last two digits of the series number.
    suffix
        End of the series description.
    image_type
        Four values or more: readers look for the component letter behind the third.
    slope
        Unit per stored step; 1 needs no rescale. Arbitrary units are scaled by the session.
    unit
        Unit of the stored values times ``slope``; ``None`` for arbitrary units.
    concept
        What is measured, where a code for it exists.
    in_unit
        Factor from the model's unit to ``unit``, given the scan.
    signed
        Whether stored values may be negative.
    window
        Centre and width in ``unit``; ``None`` leaves it to the values.
    derivation
        Code of a standard derivation, for projections.
    priority
        Smaller leaves earlier: magnitude and SWI before maps.
    """

    number: int
    suffix: str
    image_type: tuple[str, ...]
    slope: float = 1.0
    unit: Code | None = None
    concept: Code | None = None
    in_unit: Callable[[Scan], float] = lambda _: 1.0
    signed: bool = False
    window: tuple[float, float] | None = None
    derivation: Code | None = None
    priority: int = 5

    @property
    def is_derived(self) -> bool:
        """Whether it is made of other images that are stored too."""
        return self.image_type[0] == "DERIVED"

    @property
    def is_rescaled(self) -> bool:
        """Whether readers must multiply."""
        return self.slope != 1


def _written(slope: float) -> float:
    """The slope as a decimal string says it, so that both forms of it in a file agree."""
    return float(decimal(slope))


_DERIVED = ("DERIVED", "PRIMARY", "OTHER")
_PPB = Code("[ppb]", "UCUM", "parts per billion")
_RAD = Code("rad", "UCUM", "radian")
_PER_S = Code("/s", "UCUM", "per second")
_MS = Code("ms", "UCUM", "millisecond")
_HZ = Code("Hz", "UCUM", "hertz")

ROWS: dict[Quantity, Row] = {
    Quantity.MAGNITUDE: Row(1, "Mag", ("ORIGINAL", "PRIMARY", "OTHER", "M", "ND"), priority=1),
    Quantity.PHASE: Row(
        2,
        "Pha",
        ("ORIGINAL", "PRIMARY", "PHASE MAP", "P", "ND"),
        slope=_written(math.pi / 4096),
        unit=_RAD,
        signed=True,
        window=(0.0, 2 * math.pi),
        priority=3,
    ),
    Quantity.SWI: Row(4, "SWI", (*_DERIVED, "SWI"), priority=2),
    Quantity.MIP: Row(
        5,
        "SWI_mIP",
        ("DERIVED", "PRIMARY", "PROJECTION IMAGE", "MINIP", "SWI"),
        derivation=Code("113079", "DCM", "Minimum intensity projection"),
        priority=2,
    ),
    Quantity.TSWI: Row(6, "tSWI", (*_DERIVED, "TSWI"), priority=4),
    Quantity.CHI: Row(
        7,
        "QSM_ppb",
        (*_DERIVED, "QSM"),
        unit=_PPB,
        concept=Code("126396", "DCM", "Magnetic Susceptibility"),
        in_unit=lambda _: 1e3,
        signed=True,
        window=(0.0, 400.0),
        priority=4,
    ),
    Quantity.R2_STAR: Row(
        8,
        "R2star_per_s",
        (*_DERIVED, "R2_STAR"),
        slope=0.1,
        unit=_PER_S,
        concept=Code("126395", "DCM", "R2*"),
        window=(50.0, 100.0),
    ),
    Quantity.T2_STAR: Row(
        9,
        "T2star_ms",
        (*_DERIVED, "T2_STAR"),
        slope=0.1,
        unit=_MS,
        concept=Code("113064", "DCM", "T2*"),
        in_unit=lambda _: 1e3,
        window=(50.0, 100.0),
    ),
    Quantity.FIELD: Row(
        10,
        "B0map_Hz",
        (*_DERIVED, "FIELD_MAP"),
        slope=0.1,
        unit=_HZ,
        concept=Code("110807", "DCM", "Field Map MR Signal Intensity"),
        in_unit=lambda scan: scan.protocol.f0_hz * 1e-6,
        signed=True,
        window=(0.0, 400.0),
        priority=6,
    ),
    Quantity.LOCAL_FIELD: Row(
        11,
        "LocalField_ppb",
        (*_DERIVED, "LOCAL_FIELD"),
        unit=_PPB,
        in_unit=lambda _: 1e3,
        signed=True,
        window=(0.0, 200.0),
        priority=6,
    ),
    Quantity.CHI_PREVIEW: Row(
        12,
        "QSMpreview_ppb",
        (*_DERIVED, "QSM"),
        unit=_PPB,
        concept=Code("126396", "DCM", "Magnetic Susceptibility"),
        in_unit=lambda _: 1e3,
        signed=True,
        window=(0.0, 400.0),
        priority=3,
    ),
    Quantity.CHI_SD: Row(
        13,
        "QSMsd_ppb",
        (*_DERIVED, "QSM_SD"),
        slope=0.1,
        unit=_PPB,
        in_unit=lambda _: 1e3,
        window=(25.0, 50.0),
        priority=6,
    ),
}
"""The outputs that have a DICOM form."""

COMBINED = Row(3, "MagComb", (*_DERIVED, "M", "SOS"), priority=1)
"""Magnitude of all echoes together."""


def has_row(quantity: Quantity) -> bool:
    """Whether the quantity has a DICOM form."""
    return quantity in ROWS


def row_of(volume: Volume) -> Row:
    """How the volume is stored.

    Raises
    ------
    DataError
        If the quantity has no DICOM form.
    """
    if volume.quantity is Quantity.MAGNITUDE and volume.echo is None:
        return COMBINED
    row = ROWS.get(volume.quantity)
    if row is None:
        known = ", ".join(quantity.label for quantity in ROWS)
        raise DataError(f"{volume.quantity.label}: has no DICOM form, needed one of {known}")
    return row
