"""Raw data on its grid, and the coil images made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.scan import Scan


@dataclass(frozen=True, slots=True, eq=False)
class KSpace:
    """One volume's lines on the grid.

    Parameters
    ----------
    data
        Samples [E, C, Z, Y, X], complex64; centre of k-space at ``n // 2``. Axes already in image
        space are named by ``image_axes``.
    sampled
        Which lines are there [E, Z, Y].
    scan
        The scan they belong to; its polarity is that of the lines.
    image_axes
        Those of "z", "y", "x" along which ``data`` is an image already, cropped to the wanted
        field of view.
    repetition
        Number of the volume, from 0.
    """

    data: NDArray[np.complex64]
    sampled: NDArray[np.bool_]
    scan: Scan
    image_axes: str = ""
    repetition: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CoilImages:
    """One volume's complex image of every coil [E, C, Z, Y, X], complex64."""

    data: NDArray[np.complex64]
    scan: Scan
    repetition: int = 0
