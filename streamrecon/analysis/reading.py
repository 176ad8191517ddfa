"""A reading: the values that an analysis gives, and whether it gives, flags or refuses them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.images import Volume


class Outcome(enum.IntEnum):
    """What became of a reading; the number is the exit status of its command."""

    GIVEN = 0
    FLAGGED = 1
    REFUSED = 2


class Light(enum.Enum):
    """A traffic light, from good to bad: what a person sees before any number.

    Unjudged: no fault was seen, but what would show some of them could not be measured.
    """

    GREEN = "green"
    UNJUDGED = "unjudged"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One number of a reading, with all that it takes to judge it.

    ``sigma`` is one standard deviation in the value's own unit, propagated from the noise of the
    maps; None where no noise was known. It holds no systematic error.
    """

    subject: str  # whose value: "lesion 3", "left putamen", "whole brain"
    name: str  # of what: "moment", "mean_chi", "yv"
    number: float
    unit: str
    sigma: float | None = None
    reference: str = ""  # what zero means: "whole brain", "CSF"
    voxels: int = 0
    quality: str = ""  # class of the analysis's own list, "" where it has none
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One analysis of one scan.

    A refused reading has no values and at least one reason; a flagged one has both. The quality of
    a scan has a light, other readings have none.
    """

    kind: str  # "lesions", "oximetry", "iron"
    outcome: Outcome
    method: str  # one sentence
    values: tuple[Value, ...] = ()
    reasons: tuple[str, ...] = ()
    parameters: Mapping[str, float | str | bool] = field(default_factory=dict)
    dois: tuple[str, ...] = ()
    light: Light | None = None

    def __post_init__(self) -> None:
        refused = self.outcome is Outcome.REFUSED
        if refused and self.values:
            raise ValueError(f"{self.kind}: a refused reading has no values")
        if self.outcome is not Outcome.GIVEN and not self.reasons:
            raise ValueError(f"{self.kind}: a reading that is not given needs a reason")


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """Where a subject of a reading lies.

    Parameters
    ----------
    subject
        The same words as in its values.
    what
        Of which kind it is: "bleed", "vein", "rim", "region".
    voxels
        Flat indices of its voxels in the grid [Z, Y, X]; a scan may have hundreds of subjects.
    """

    subject: str
    what: str
    voxels: NDArray[np.intp]

    @classmethod
    def of_mask(cls, subject: str, what: str, mask: NDArray[np.bool_]) -> Extent:
        """That of a mask [Z, Y, X]."""
        return cls(subject, what, np.flatnonzero(mask))


@dataclass(frozen=True, slots=True, eq=False)
class ReadingMap:
    """A reading that is a number in every voxel: its name, values [Z, Y, X] and their unit."""

    name: str
    values: NDArray[np.floating]
    unit: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadingContent:
    """A reading with all that it is made of in space.

    Parameters
    ----------
    reading
        The values and the outcome.
    extents
        Where its subjects lie; a subject of the whole scan has none.
    maps
        What it gives in every voxel.
    page
        A picture for a person [rows, columns, 3], 8 bits, if one is wanted.
    """

    reading: Reading
    extents: Sequence[Extent] = ()
    maps: Sequence[ReadingMap] = ()
    page: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ReadVolume:
    """A reading in its chain, behind the susceptibility [Z, Y, X] that it was made of."""

    content: ReadingContent
    chi: Volume
