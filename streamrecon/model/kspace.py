"""What is to be done to the channels of raw data, and what calibrates them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.lattice import ALL_LINES, Lattice
from streamrecon.model.scan import Encoding


@dataclass(frozen=True, slots=True, eq=False)
class ChannelTransform:
    """What is owed to the channels of all lines that follow.

    Whitening and compression travel ahead of the lines and are applied once, to the cropped rows;
    a later mix replaces an earlier one.

    Parameters
    ----------
    matrix
        Of all samples alike [C', C].
    along_x
        Of each voxel of the image along X, behind ``matrix`` [X, C'', C']. Who looks at lines in
        k-space, or on another grid, does without: its rows are orthonormal, and hold the signal.
    is_white
        Whether noise is white behind it: deviation 1 in real and imaginary part of each channel.
    """

    matrix: NDArray[np.complex64]
    along_x: NDArray[np.complex64] | None = None
    is_white: bool = False

    @property
    def n_channels(self) -> int:
        """Channels behind it."""
        return len(self.matrix) if self.along_x is None else self.along_x.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Central lines of the volume that is filling [E, C, Zc, Yc, X], ahead of the volume itself.

    An image along X, untransformed along Z and Y, centre at ``n // 2``; slices of a
    two-dimensional scan lie on Z. ``lattice`` has the lines that imaging takes.
    """

    data: NDArray[np.complex64]
    encoding: Encoding
    lattice: Lattice = ALL_LINES
