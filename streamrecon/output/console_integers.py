"""A volume as the integers of a console: the table's steps, and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamrecon.dicom.objects.stored_pixels import free_scale
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.integer_images import as_integers

Bits = Literal[12, 16]


@dataclass(frozen=True, slots=True)
class Depth:
    """Integers that a console takes.

    Parameters
    ----------
    bits
        How many it shows; they are sent in 16 either way.
    is_signed
        Whether negative numbers stay negative; else half of the range is added to quantities
        that have any, and the intercept takes it away.
    """

    bits: Bits
    is_signed: bool = False

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest integer."""
        low = -(1 << (self.bits - 1)) if self.is_signed else 0
        return low, low + (1 << self.bits) - 1


@dataclass(frozen=True, slots=True, eq=False)
class ConsoleIntegers:
    """Integers of a volume.

    Parameters
    ----------
    volume
        The integers with their rescale; an arbitrary unit is that of the integers.
    per_unit
        Steps per unit of the given volume, whose unit may be arbitrary.
    n_beyond
        Voxels beyond the range, at its end.
    """

    volume: Volume
    per_unit: float
    n_beyond: int


def step_of(volume: Volume, depth: Depth) -> float | None:
    """Unit of the model per integer; ``None`` where the unit is arbitrary.

    16 bits have DICOM's steps, 12 bits those of the table.
    """
    form = volume.quantity.dicom
    if form is None or form.unit is None:
        return None
    return volume.quantity.row.integer_step if depth.bits == 12 else form.slope / form.per_unit


def arbitrary_scale(volume: Volume, depth: Depth) -> float:
    """Integers per arbitrary unit: a power of two, for the first volume of a kind and all later.

    The brightest voxel comes into the upper half of all bits but one.
    """
    bits = depth.bits - (depth.is_signed or _is_signed(volume.quantity))
    whole = replace(volume, values=np.abs(volume.in_unit()).astype(np.float32), rescale=None)
    return free_scale(whole, bits=bits)


def console_integers(volume: Volume, depth: Depth, scale: float | None = None) -> ConsoleIntegers:
    """Round a real volume to the console's integers.

    Phase is a circle: what rounds to a step beyond its end is its beginning.

    Parameters
    ----------
    volume
        Real, in its quantity's unit.
    depth
        The console's integers.
    scale
        Of an arbitrary unit, as `arbitrary_scale` gives it; not looked at for others.

    Examples
    --------
    >>> Depth(12).limits, Depth(16, is_signed=True).limits
    ((0, 4095), (-32768, 32767))
    """
    step = step_of(volume, depth) or 1 / (scale or arbitrary_scale(volume, depth))
    values = np.asarray(volume.in_unit().real, np.float64)
    low, high = depth.limits
    stored = as_integers(
        _around(values, step, volume.quantity),
        volume.quantity,
        np.int16 if depth.is_signed else np.uint16,
        step=step,
        offset=0.0 if depth.is_signed or not _is_signed(volume.quantity) else (high + 1) / 2,
        minimum=low,
        maximum=high,
    )
    rescale = (stored.slope, stored.intercept)
    if step_of(volume, depth) is None:
        rescale = (1.0, stored.intercept / stored.slope)
    integers = replace(volume, values=stored.values, rescale=rescale)
    return ConsoleIntegers(integers, 1 / step, stored.n_clipped)


def _is_signed(quantity: Quantity) -> bool:
    return quantity.dicom is None or quantity.dicom.signed


def _around(values: NDArray[np.float64], step: float, quantity: Quantity) -> NDArray[np.float64]:
    if quantity is not Quantity.PHASE:
        return values
    return np.where(values >= np.pi - step / 2, values - 2 * np.pi, values)
