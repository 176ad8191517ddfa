"""Raw data on its grid, and what is to be done to its channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.lattice import ALL_LINES, Lattice
from streamrecon.model.scan import Encoding, Scan


@dataclass(frozen=True, slots=True, eq=False)
class ChannelMix:
    """Matrix [C', C] that is owed to the channels of all lines that follow.

    Whitening and compression travel ahead of the lines as a matrix and are applied once, to the
    cropped rows; a later mix replaces an earlier one.
    """

    matrix: NDArray[np.complex64]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Central lines of the volume that is filling [E, C, Zc, Yc, X], ahead of the volume itself.

    An image along X, untransformed along Z and Y, centre at ``n // 2``; slices of a
    two-dimensional scan lie on Z. ``lattice`` has the lines that imaging takes.
    """

    data: NDArray[np.complex64]
    encoding: Encoding
    lattice: Lattice = ALL_LINES


@dataclass(frozen=True, slots=True, eq=False)
class KSpace:
    """One volume's lines on the grid, as far as they could be transformed while they came.

    Parameters
    ----------
    data
        [E, C, Z, Y, X], complex64. X is an image already, cropped to the wanted field of view; of
        the phase axes one is, using its first places; slices of a two-dimensional scan lie on Z.
    last_axis
        "z" or "y": the phase axis still in k-space; "" where none is.
    calibration
        Central lines [E, C, Zc, Yc, X], untransformed along Z and Y, centre at ``n // 2``.
    sampled
        Which lines came [E, Z, Y].
    scan
        The scan they belong to; its polarity is that of the lines.
    repetition
        Number of the volume, from 0.
    lattice
        Lines that were taken; all others are zero.
    """

    data: NDArray[np.complex64]
    last_axis: str
    calibration: NDArray[np.complex64]
    sampled: NDArray[np.bool_]
    scan: Scan
    repetition: int = 0
    lattice: Lattice = ALL_LINES
