"""How a person is shown one output: its colours, its window, the company it is in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Colours(Enum):
    """Which colours numbers become."""

    GREY = "grey"
    """Black to white."""
    SEQUENTIAL = "sequential"
    """Dark blue over green to light yellow: times and rates of decay."""
    DIVERGING = "diverging"
    """Blue, white at zero, red: fields."""
    CYCLIC = "cyclic"
    """Both ends alike: angles."""


class Kind(Enum):
    """What outputs are shown together, in this order."""

    ECHOES = "echoes"
    WEIGHTED = "susceptibility weighted"
    SUSCEPTIBILITY = "susceptibility"
    DECAY = "decay"
    FIELD = "field"
    QUALITY = "masks, quality"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures show one output.

    Parameters
    ----------
    kind
        What it is shown with.
    colours
        Of its numbers.
    window
        Values at both ends of the colours, in the unit of the output; ``None``: the window of
        DICOM, else what its values need.
    by_values
        Whether it is what its values need all the same: what is usual differs tenfold.
    of_medians
        Where not 0, what its values need is so many times their median: a few are far beyond.
    """

    kind: Kind = Kind.OTHER
    colours: Colours = Colours.GREY
    window: tuple[float, float] | None = None
    by_values: bool = False
    of_medians: float = 0.0


UNSORTED = Look()
"""Grey, among the others."""
