"""The real-valued parts of a complex image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.model.outputs.quantities import Quantity

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]


def complex_part(image: Complex, part: Quantity) -> Real | Complex:
    """Magnitude, phase [rad, -π…π], real or imaginary part of a complex image of any shape.

    >>> float(complex_part(np.array([2j], np.complex64), Quantity.PHASE)[0] / np.pi)
    0.5

    Raises
    ------
    ReconError
        If ``part`` is no part of a complex image.
    """
    match part:
        case Quantity.MAGNITUDE:
            return _piecewise(lambda z, out: np.absolute(z, out=out), image)
        case Quantity.PHASE:
            return _piecewise(lambda z, out: np.arctan2(z.imag, z.real, out=out), image)
        case Quantity.REAL:
            return image.real.copy()
        case Quantity.IMAGINARY:
            return image.imag.copy()
        case Quantity.COMPLEX:
            return image
        case _:
            raise ReconError(f"{part.label}: found no such part of a complex image")


def _piecewise(function: Callable[[Complex, Real], Real], image: Complex) -> Real:
    """A real function of each voxel, in all threads."""
    result = np.empty(image.shape, np.float32)
    flat, out = image.reshape(-1), result.reshape(-1)

    def chunk(voxels: range) -> None:
        piece = slice(voxels.start, voxels.stop)
        function(flat[piece], out[piece])

    at_once(chunk, len(flat))
    return result
