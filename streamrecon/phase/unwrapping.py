"""Lists the unwrapping methods that a user may choose by name.

One more is a row here and its function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamrecon.phase.unwrap import Unwrapped, unwrap_by_template, unwrap_individually

Unwrapper = Callable[
    [NDArray[np.floating], NDArray[np.floating], NDArray[np.bool_], Sequence[float]], Unwrapped
]
"""Phase [E, Z, Y, X, rad], magnitude, mask [Z, Y, X], echo times [s] -> phase without jumps."""


class Unwrapping(Enum):
    """How the phase of all echoes loses its jumps."""

    TEMPLATE = "template"
    INDIVIDUAL = "individual"


UNWRAPPERS: dict[Unwrapping, Unwrapper] = {
    Unwrapping.TEMPLATE: unwrap_by_template,
    Unwrapping.INDIVIDUAL: unwrap_individually,
}
