"""All echoes of one part, magnitude or phase, real or imaginary, wherever they were read from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.model.scan import Ids
from streamrecon.model.turned_grid import turned_to

_SAME_PLACE_MM = 0.1
_CORRECTED = {"DIS2D", "DIS3D"}


class ImagePart(ABC):
    """Echoes of one part and what stands beside them.

    Attributes
    ----------
    values
        [E, Z, Y, X], scaled as the files say.
    geometry
        Their grid.
    sidecars
        Of each file or echo, in the words of BIDS.
    name
        Of the scan.
    source
        Where ``sidecars`` are from.
    is_placed
        Whether the files say how the axes lie in the patient.
    ids
        Of patient and study, where the files name them.
    """

    values: NDArray[np.generic]
    geometry: Geometry
    sidecars: list[dict[str, object]]
    name: str
    source: str
    is_placed: bool
    ids: Ids = Ids()

    @property
    def size(self) -> str:
        """Echoes and voxels in words."""
        echoes, *shape = self.values.shape
        return f"{echoes} echoes of {by(shape[::-1])} voxels"

    @property
    def corrected(self) -> str:
        """Siemens' word for the correction of distortion in it; empty where there is none."""
        words = self.sidecars[0].get("ImageType")
        return next(iter(_CORRECTED.intersection(words)), "") if isinstance(words, list) else ""

    def turn_to(self, target: Geometry, *, name: str, beside: str) -> None:
        """Bring the values into the order of another grid of the same voxels.

        Raises
        ------
        DataError
            If the voxels lie elsewhere, see `turned_to`.
        """
        self.values = turned_to(self.values, self.geometry, target, names=(name, beside))
        self.geometry = target

    @abstractmethod
    def as_stored(self) -> NDArray[np.generic]:
        """Values without the files' own scale, before `turn_to`."""


def doubts_of_parts(one: ImagePart, other: ImagePart) -> Iterator[str]:
    """What may be wrong where two parts are put together, each a sentence; the first one counts."""
    if not one.is_placed:
        yield "the phase file does not say how it lies in the patient: B0 may not be where it seems"
    if not one.geometry.same_as(other.geometry, tolerance_mm=_SAME_PLACE_MM):
        yield "the parts name different places; that of the phase, or real part, is taken"
    if one.corrected != other.corrected:
        yield (
            f"found {one.corrected or 'no'} correction of distortion in one part, "
            f"{other.corrected or 'none'} in the other: away from the isocentre they do not fit"
        )
    lost = int((~np.isfinite(one.values)).any(axis=0).sum())
    if lost:
        yield f"{lost} voxels whose phase is no number are left out"


def by(numbers: Sequence[float], digits: int = 6) -> str:
    """Numbers with a cross between them.

    >>> by((3, 4.5))
    '3 × 4.5'
    """
    return " × ".join(f"{n:.{digits}g}" for n in numbers)
