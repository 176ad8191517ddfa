"""How one kind of image is stored: its words, its numbers, its unit, its place among the series."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: value, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class StorageForm:
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
