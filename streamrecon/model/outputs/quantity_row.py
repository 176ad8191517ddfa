"""What one output is on every way out: a row of the table in ``quantities``."""

from __future__ import annotations

from dataclasses import dataclass

from streamrecon.model.outputs.look import UNSORTED, Look
from streamrecon.model.outputs.storage_form import StorageForm

REAL_IMAGE = 3
"""Image type of the wire for real numbers, and so for every map."""


@dataclass(frozen=True, slots=True)
class QuantityRow:
    """The words and numbers of one output; sites write them down, so they stay for ever.

    Parameters
    ----------
    series
        Series index on the wire, the same in every scan; given once, even if its output goes.
    label
        Stable word on the wire and, without underscores, in file names.
    unit
        As read by a person; empty where the scale is arbitrary.
    image_type
        Of the wire: 1 magnitude, 2 phase, 3 real, 4 imaginary, 5 complex.
    part
        Which part of one echo's image it is, as BIDS says it; empty for maps.
    file
        End of a map's file name where it is not the label: BIDS' suffix, or ``desc-`` before one.
    integer_step
        Unit per step where a host takes integers of 12 bits only; DICOM's is that of 16. An
        arbitrary unit has no step of its own, and 1 stands here.
    is_windowed
        Whether floats come with the window too, as integers do; else they speak for themselves.
    dicom
        How DICOM stores it; ``None`` where DICOM has no form for it.
    look
        How pictures show it.
    """

    series: int
    label: str
    unit: str = ""
    image_type: int = REAL_IMAGE
    part: str = ""
    file: str = ""
    integer_step: float = 1.0
    is_windowed: bool = False
    dicom: StorageForm | None = None
    look: Look = UNSORTED

    @property
    def window(self) -> tuple[float, float] | None:
        """Values at both ends of the colours of a picture; ``None`` where only the values tell."""
        if self.look.window is not None or self.look.by_values:
            return self.look.window
        if self.dicom is None or self.dicom.window is None:
            return None
        centre, width = (each / self.dicom.per_unit for each in self.dicom.window)
        return centre - width / 2, centre + width / 2
