"""Slices that turn by half a turn from one to the next: an origin in the middle of the slab.

Reconstructions that leave out one shift of the transform along the slices multiply every second
slice by -1; real and imaginary images of 3-D scans of GE are such. All echoes share it, and nothing
in a patient does it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.phase.phase_scaling import RADIANS, PhaseScale, complex_echoes

_OPPOSITE = -0.5  # correlation of neighbours; of a head it is near +1, of noise 0


def turned_slices(
    magnitude: NDArray[np.generic], phase: NDArray[np.generic], scale: PhaseScale
) -> tuple[NDArray[np.generic], PhaseScale, tuple[str, ...]]:
    """Phase [E, Z, Y, X] and its scale, with every second slice turned back where that is needed.

    The third value is what a reader must know of it, empty where nothing was done.
    """
    if any(_neighbours(m, p, scale) > _OPPOSITE for m, p in zip(magnitude, phase, strict=True)):
        return phase, scale, ()
    radians = (np.asarray(phase, np.float32) - np.float32(scale.zero)) * scale.rad_per_step
    radians[:, 1::2] += np.float32(np.pi)
    wrapped = np.angle(np.exp(1j * radians)).astype(np.float32)
    return (
        wrapped,
        RADIANS,
        ("every second slice had the other sign, as GE makes it: turned back",),
    )


def _neighbours(
    magnitude: NDArray[np.generic], phase: NDArray[np.generic], scale: PhaseScale
) -> float:
    """Correlation of each slice with the next one, -1 … 1."""
    image = complex_echoes(magnitude[None], phase[None], scale, sign=1)[0]
    here, there = image[:-1], image[1:]
    power = float(np.sum(np.abs(here) * np.abs(there)))
    return float(np.vdot(here, there).real) / power if power > 0 else 0.0
