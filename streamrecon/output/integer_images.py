"""Converts images to integers, for hosts that take nothing else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamrecon.model.images import Pixels
from streamrecon.model.outputs.quantities import Quantity

_WHOLE_PPB = 1e-3  # ppm


class IntegerImage(NamedTuple):
    """Integers, how to get the quantity back, and how many values did not fit."""

    values: NDArray[np.integer]
    slope: float
    intercept: float
    n_clipped: int

    @property
    def n_greys(self) -> int:
        """Grey levels between the darkest and the brightest voxel."""
        return int(np.ptp(self.values)) + 1


def as_integers(
    values: Pixels | NDArray[np.float64],
    quantity: Quantity,
    dtype: DTypeLike,
    *,
    rescale: tuple[float, float] | None = None,
    step: float | None = None,
    offset: float = 0.0,
    minimum: float | None = None,
    maximum: float | None = None,
) -> IntegerImage:
    """Integers nearest to the values, in the steps of the table of outputs.

    What is in an arbitrary unit stays as it is.

    Parameters
    ----------
    values
        Real image of any shape; phase in rad.
    quantity
        What they are.
    dtype
        An integer type. Unsigned phase gets half a turn added.
    rescale
        (slope, intercept) of ``values`` that are integers already: their step is kept.
    step
        Another step than the table's, in the quantity's unit.
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
    >>> as_integers(np.array([-9.0]), Quantity.CHI, np.uint16, rescale=(1e-3, 0.0), offset=10)[:3]
    (array([1], dtype=uint16), 0.001, -0.01)
    """
    limits = np.iinfo(np.dtype(dtype))
    low = limits.min if minimum is None else max(minimum, limits.min)
    high = limits.max if maximum is None else min(maximum, limits.max)
    slope, intercept = rescale or (step or quantity.row.integer_step, 0.0)
    steps = np.asarray(values.real, np.float64) / (1.0 if rescale else slope)
    if quantity is Quantity.PHASE:
        zero = np.pi if limits.min == 0 else 0.0
        offset = (intercept + zero) / slope
    stored = np.rint(steps + offset)
    clipped = int(((stored < low) | (stored > high)).sum())
    integers = np.clip(stored, low, high).astype(dtype)
    return IntegerImage(integers, slope, intercept - offset * slope, clipped)


def as_integer_ppb(
    values_ppm: Pixels | NDArray[np.float64],
    quantity: Quantity,
    *,
    unsigned_bits: int | None = None,
) -> IntegerImage:
    """Whole ppb of a map in ppm; slope and intercept give ppm again. What is no number is 0.

    Signed 16 bits, or as many unsigned ones with half of their range added.

    >>> as_integer_ppb(np.array([-0.5, 4.0]), Quantity.CHI, unsigned_bits=12)[1:]
    (0.001, -2.048, 1)
    """
    values = np.nan_to_num(np.asarray(values_ppm.real, np.float64))
    if unsigned_bits is None:
        return as_integers(values, quantity, np.int16, step=_WHOLE_PPB)
    half, most = 2.0 ** (unsigned_bits - 1), 2**unsigned_bits - 1
    return as_integers(values, quantity, np.uint16, step=_WHOLE_PPB, offset=half, maximum=most)
