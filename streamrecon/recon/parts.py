"""The real-valued parts of a complex image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.images import Quantity

Complex = NDArray[np.complex64]


def part_of(image: Complex, part: Quantity) -> NDArray[np.float32] | Complex:
    """Magnitude, phase [rad, -π…π], real or imaginary part of a complex image of any shape.

    >>> float(part_of(np.array([2j], np.complex64), Quantity.PHASE)[0] / np.pi)
    0.5

    Raises
    ------
    ReconError
        If ``part`` is no part of a complex image.
    """
    match part:
        case Quantity.MAGNITUDE:
            return np.abs(image)
        case Quantity.PHASE:
            return np.angle(image).astype(np.float32)
        case Quantity.REAL:
            return image.real.copy()
        case Quantity.IMAGINARY:
            return image.imag.copy()
        case Quantity.COMPLEX:
            return image
        case _:
            raise ReconError(f"{part.label}: found no such part of a complex image")
