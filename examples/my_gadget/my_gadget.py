"""One magnitude image of all echoes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamrecon.model.images import Echoes, Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.stream.gadget import Gadget


def combined(echoes: NDArray[np.complex64], *, power: float) -> NDArray[np.float32]:
    """Power mean of the magnitudes of the echoes: [E, Z, Y, X] -> [Z, Y, X]."""
    return np.asarray(np.mean(np.abs(echoes) ** power, axis=0) ** (1 / power), np.float32)


class CombineEchoes(Gadget[Echoes]):
    """Adds one magnitude image of all echoes."""

    accepts: ClassVar = (Echoes,)

    power: float = Field(default=2.0, gt=0, description="1: mean, 2: root of the mean square")

    def feed(self, item: Echoes) -> Iterator[Echoes | Volume]:
        """Let the echoes go on, then their common magnitude."""
        yield item
        yield Volume(
            combined(item.data, power=self.power),
            item.scan.geometry,
            Quantity.MAGNITUDE_COMBINED,
            item.scan,
            repetition=item.repetition,
            comments=("magnitude of all echoes", *item.scan.comments),
        )
