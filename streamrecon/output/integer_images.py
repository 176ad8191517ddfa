"""Converts images to integers, for hosts that take nothing else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamrecon.model.images import Pixels
from streamrecon.model.quantities import Quantity


class IntegerImage(NamedTuple):
    """Integers, how to get the quantity back, and how many values did not fit."""

    values: NDArray[np.integer]
    slope: float
    intercept: float
    n_clipped: int


def as_integers(
    values: Pixels | NDArray[np.float64],
    quantity: Quantity,
    dtype: DTypeLike,
    *,
    offset: float = 0.0,
    minimum: float | None = None,
    maximum: float | None = None,
) -> IntegerImage:
    """Integers nearest to the values: phase in 4096 steps, the g-factor in hundredths.

    The signal-to-noise ratio in tenths, everything else as it is.

    Parameters
    ----------
    values
        Real image of any shape; phase in rad.
    quantity
        What they are.
    dtype
        An integer type. Unsigned phase gets half a turn added.
    offset
        Added to all values but phase, for hosts without negative numbers.
    minimum, maximum
        Range that is kept; that of the type where not given.

    Examples
    --------
    >>> as_integers(np.array([-np.pi / 2, 0.0]), Quantity.PHASE, np.uint16).values
    array([1024, 2048], dtype=uint16)
    >>> as_integers(np.array([-1.2, 7e4]), Quantity.MAGNITUDE, np.uint16)[2:]
    (0.0, 2)
    """
    limits = np.iinfo(np.dtype(dtype))
    low = limits.min if minimum is None else max(minimum, limits.min)
    high = limits.max if maximum is None else min(maximum, limits.max)
    slope = quantity.row.integer_step
    if quantity is Quantity.PHASE:
        offset = np.pi / slope if limits.min == 0 else 0.0
    stored = np.rint(values.real / slope + offset)
    clipped = int(((stored < low) | (stored > high)).sum())
    integers = np.clip(stored, low, high).astype(dtype)
    return IntegerImage(integers, slope, 0.0 - offset * slope, clipped)
