"""Numbers of real and imaginary images with their zero at 0, wherever their maker put it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TWELVE_BITS = (0, 4095)
_MIDDLE = 2048
_NEAR = 0.02  # of the range: the middle of noise and signal of both signs


def centred(values: NDArray[np.generic]) -> tuple[NDArray[np.generic], int]:
    """Numbers [E, Z, Y, X] with their zero at 0, and where it was: some store 12 bits around 2048.

    Told by the median of the first echo, which lies at the zero where there are air and signal of
    both signs.

    >>> centred(np.array([[0, 2048, 4095]]))
    (array([[-2048.,     0.,  2047.]], dtype=float32), 2048)
    """
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf":
        return values, 0
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    middle = float(np.nanmedian(numbers[0]))
    lies_in = _TWELVE_BITS[0] <= low and high <= _TWELVE_BITS[1]
    if not lies_in or abs(middle - _MIDDLE) > _NEAR * _TWELVE_BITS[1]:
        return values, 0
    return np.asarray(numbers, np.float32) - _MIDDLE, _MIDDLE
