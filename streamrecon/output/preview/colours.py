"""Turns numbers into colours: a window, and one of four scales that the colour-blind can read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.outputs.look import Colours
from streamrecon.model.outputs.quantities import Quantity

RGB = NDArray[np.uint8]

BRIGHTEST_PERCENT = 99.5
"""Flow and spikes beyond would darken all else."""
_HALF_TURN = 3.2  # rad: phase goes no further
_STEPS = 256
_Stops = tuple[tuple[int, int, int], ...]
_NIGHT, _EVENING = (3, 18, 38), (40, 18, 52)
_STOPS: dict[Colours, _Stops] = {
    Colours.GREY: ((0, 0, 0), (255, 255, 255)),
    Colours.SEQUENTIAL: (_NIGHT, (18, 75, 118), (66, 136, 136), (120, 186, 120), (252, 243, 196)),
    Colours.DIVERGING: (
        (16, 60, 130), (92, 155, 206), (244, 244, 244), (226, 130, 95), (140, 20, 40),
    ),
    Colours.CYCLIC: (_EVENING, (70, 105, 190), (228, 226, 232), (190, 100, 70), _EVENING),
}  # fmt: skip
"""Equally spaced. Sequential: lightness grows throughout; the other two: to the middle and back."""


@dataclass(frozen=True, slots=True)
class Window:
    """The values at both ends of the colours.

    Parameters
    ----------
    low, high
        In the unit of the values.
    colours
        From ``low`` to ``high``.
    """

    low: float
    high: float
    colours: Colours = Colours.GREY

    def fraction(self, values: NDArray[np.generic]) -> NDArray[np.float32]:
        """0 at the low end, 1 at the high one and beyond; what is not a number stays so."""
        span = max(self.high - self.low, 1e-30)
        clipped = np.clip(values.astype(np.float64, copy=False), self.low, self.high)
        return np.asarray((clipped - self.low) / span, np.float32)

    def __str__(self) -> str:
        return f"{self.low:.3g} to {self.high:.3g}"


def coloured(fractions: NDArray[np.float32], colours: Colours) -> RGB:
    """The colours of fractions [...] of a window, [..., 3]; what is not a number is black."""
    known = np.isfinite(fractions)
    steps = np.where(known, fractions, 0.0) * (_STEPS - 1)
    picture = _scale(colours)[np.clip(steps.round(), 0, _STEPS - 1).astype(np.intp)]
    return np.where(known[..., None], picture, np.uint8(0))


@cache
def _scale(colours: Colours) -> RGB:
    stops = np.array(_STOPS[colours], np.float64)
    places = np.linspace(0, len(stops) - 1, _STEPS)
    channels = [np.interp(places, range(len(stops)), channel) for channel in stops.T]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def window_of(
    quantity: Quantity | None, unit: str, values: Sequence[NDArray[np.generic]]
) -> Window:
    """The window of an output, common to all its ``values``.

    That of its row in the table of quantities, or some medians; where it has none, from zero (or
    symmetric about it) to what nearly all voxels stay below.
    """
    if quantity is None and unit == "rad" and _widest(values) <= _HALF_TURN:
        quantity = Quantity.PHASE
    if quantity is Quantity.PHASE:
        return Window(-math.pi, math.pi, quantity.row.look.colours)
    if quantity is None or unit != quantity.unit:
        return _window_of_values(values)
    look = quantity.row.look
    if look.of_medians:
        return Window(0.0, look.of_medians * _median(values) or 1.0, look.colours)
    if quantity.row.window is None:
        return _window_of_values(values)
    return Window(*quantity.row.window, quantity.row.look.colours)


def _window_of_values(values: Sequence[NDArray[np.generic]]) -> Window:
    if any((each[np.isfinite(each)] < 0).any() for each in values):
        return signed_window(values)
    window = positive_window(values)
    return window if window.high > 0 else Window(0.0, _widest(values) or 1.0)  # thin masks


def positive_window(values: Iterable[NDArray[np.generic]]) -> Window:
    """From zero to what nearly all voxels stay below, common to all arrays."""
    return Window(0.0, max(_largest(np.abs(v)) for v in values))


def signed_window(values: Iterable[NDArray[np.generic]]) -> Window:
    """Symmetric about zero, and as wide as nearly all voxels need."""
    widest = max(_largest(np.abs(v)) for v in values)
    return Window(-widest, widest)


def _largest(values: NDArray[np.generic]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, BRIGHTEST_PERCENT)) if finite.size else 0.0


def _median(values: Sequence[NDArray[np.generic]]) -> float:
    """Of all that is known and not 0."""
    known = np.concatenate([each[np.isfinite(each) & (each != 0)].ravel() for each in values])
    return float(np.median(known)) if known.size else 0.0


def _widest(values: Sequence[NDArray[np.generic]]) -> float:
    finite = [np.abs(each[np.isfinite(each)]) for each in values]
    return max((float(each.max()) for each in finite if each.size), default=0.0)
