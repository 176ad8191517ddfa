"""How DICOM stores one kind of image: its words, its numbers, its unit, its place among the series.

Plain data, so that the table of quantities can hold it; `streamrecon.dicom` makes files of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: value, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


PPB = Code("[ppb]", "UCUM", "parts per billion")
NO_UNIT = Code("1", "UCUM", "no units")


@dataclass(frozen=True, slots=True)
class StorageForm:
    """How one output is stored. No two share a number or a suffix: UIDs follow from them.

    Parameters
    ----------
    number
        Last two digits of the series number.
    suffix
        End of the series description.
    image_type
        Four values or more: readers look for the component letter behind the third.
    slope
        Unit per stored step, as a decimal string of 16 letters says it, so that both forms of it
        in a file agree; 1 needs no rescale. Arbitrary units are scaled by the session.
    unit
        Unit of the stored values times ``slope``; ``None`` for arbitrary units.
    concept
        What is measured, where a code for it exists.
    per_unit
        How many ``unit`` make one of the model's.
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
    per_unit: float = 1.0
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

    @property
    def is_whole_ppb(self) -> bool:
        """Whether one step is one ppb: who ignores scales reads the right number."""
        return self.unit == PPB and self.slope == 1


def whole_ppb(
    number: int,
    suffix: str,
    image_type: tuple[str, ...],
    *,
    window: tuple[float, float],
    concept: Code | None = None,
    derivation: Code | None = None,
    priority: int = 6,
) -> StorageForm:
    """Whole ppb of a map in ppm, signed, without a rescale."""
    return StorageForm(
        number,
        suffix,
        image_type,
        unit=PPB,
        concept=concept,
        per_unit=1e3,
        signed=True,
        window=window,
        derivation=derivation,
        priority=priority,
    )


def in_steps(
    number: int,
    suffix: str,
    image_type: tuple[str, ...],
    slope: float,
    unit: Code,
    *,
    window: tuple[float, float],
    per_unit: float = 1.0,
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
