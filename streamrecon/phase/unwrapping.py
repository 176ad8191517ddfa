"""Lists the unwrapping methods that a user may choose by name.

One more is a row here and its function.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamrecon.phase.paths import Paths
from streamrecon.phase.unwrap import Unwrapped, unwrap_by_template, unwrap_individually


class Unwrapper(Protocol):
    """What unwraps: phase [E, Z, Y, X, rad], magnitude, mask [Z, Y, X], echo times [s]."""

    def __call__(
        self,
        phase_rad: NDArray[np.floating],
        magnitude: NDArray[np.floating],
        mask: NDArray[np.bool_],
        te_s: Sequence[float],
        paths: Paths | None = None,
        /,
    ) -> Unwrapped:
        """Phase without jumps; ``paths`` within the mask, where they are known."""


class Unwrapping(Enum):
    """How the phase of all echoes loses its jumps."""

    TEMPLATE = "template"
    INDIVIDUAL = "individual"


UNWRAPPERS: dict[Unwrapping, Unwrapper] = {
    Unwrapping.TEMPLATE: unwrap_by_template,
    Unwrapping.INDIVIDUAL: unwrap_individually,
}
