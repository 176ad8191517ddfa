"""Judges a scan's quality from lines measured twice and from their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex64]

_TINY = 1e-30  # where there is no signal there is no change


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a line between two measurements.

    Parameters
    ----------
    size
        Ratio of the amplitudes, new to old.
    turn_rad
        Phase, new to old.
    difference
        What is left of the new one when the old one is scaled and turned to fit, beyond noise,
        relative to the old one: 0 for the same object at the same place.
    """

    size: float
    turn_rad: float
    difference: float


def change(line: Complex, reference: Complex, *, deviation: float = 0.0) -> Change:
    """Compare two measurements [C, X] of one line.

    Parameters
    ----------
    line, reference
        The new one and the old one.
    deviation
        Standard deviation of the noise of their real and imaginary parts.

    Examples
    --------
    >>> change(np.array([[2j, 0]]), np.array([[1, 0]])).size
    2.0
    """
    power = max(float(np.vdot(reference, reference).real), _TINY)
    factor = complex(np.vdot(reference, line)) / power
    rest = line - factor * reference
    noise = 2 * deviation**2 * line.size * (1 + abs(factor) ** 2)
    beyond = max(0.0, float(np.vdot(rest, rest).real) - noise)
    return Change(abs(factor), float(np.angle(factor)), (beyond / power) ** 0.5)


def mean_signal(line: Complex, centre: int, n_samples: int) -> float:
    """Mean over the field of view of an image, from the central line [C, X] of its k-space.

    In units of the line's noise deviation where channels are white: the signal-to-noise ratio of
    the mean, the air around the object included. Coils are combined by their sum of squares.

    Parameters
    ----------
    line
        White channels.
    centre
        Sample at the centre of k-space.
    n_samples
        All samples of the image's k-space.
    """
    return float(np.linalg.norm(line[:, centre]) / np.sqrt(n_samples))


class EchoOrder:
    """Counts lines that fail to come, where all echoes of an excitation follow one another.

    Where they do not (one whole pass for each echo) nothing can be told before the end.

    Parameters
    ----------
    n_echoes
        Length of a train.

    Examples
    --------
    >>> order = EchoOrder(3)
    >>> order.missing(np.array([0, 1, 2, 0, 1, 2, 0, 2, 0]))
    1
    """

    def __init__(self, n_echoes: int) -> None:
        self._n_echoes = n_echoes
        self._last = n_echoes - 1
        self._learnt: list[int] = []

    def missing(self, echoes: NDArray[np.integer]) -> int:
        """How many lines are missing among these, the next of the scan."""
        wanted = 2 * self._n_echoes - len(self._learnt)
        self._learnt += echoes[: max(0, wanted)].tolist()
        train = list(range(self._n_echoes)) * 2
        before = np.concatenate([[self._last], echoes[:-1]]).astype(np.int64)
        steps: NDArray[np.int64] = echoes.astype(np.int64) - before[: len(echoes)]
        self._last = int(echoes[-1]) if len(echoes) else self._last
        if self._learnt != train[: len(self._learnt)]:
            return 0
        return int(((steps - 1) % self._n_echoes).sum())
