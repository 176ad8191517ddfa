"""Judges a scan by its lines: samples that cannot be, lines measured twice, the order of lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex64]

LARGEST_SAMPLE = 1e15
"""Receivers give up to 1e9; the square of this, summed over 1e8 voxels, still fits a float32."""

_BLOCK = 1 << 20  # numbers looked at together, so that what is made of them stays in the cache
_TINY = 1e-30  # where there is no signal there is no change


def unusable_lines(lines: NDArray[np.complex64]) -> NDArray[np.bool_]:
    """Which lines [N] of [N, C, X] hold a sample that is no number or beyond `LARGEST_SAMPLE`.

    One pass over the numbers, with memory for a block of them.

    Examples
    --------
    >>> lines = np.ones((3, 2, 4), np.complex64)
    >>> lines[1, 0, 2], lines[2, 1, 3] = complex(0, np.nan), -3e38
    >>> unusable_lines(lines)
    array([False,  True,  True])
    """
    found = np.zeros(len(lines), bool)
    if lines.size == 0:
        return found
    step = max(1, _BLOCK // lines[0].size)
    for start in range(0, len(lines), step):
        block = slice(start, start + step)
        parts = np.ascontiguousarray(lines[block]) if _is_scattered(lines) else lines[block]
        sizes = np.abs(parts.view(np.float32))
        found[block] = ~(sizes <= LARGEST_SAMPLE).all(axis=(1, 2))  # NaN is at most nothing
    return found


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


def _is_scattered(lines: NDArray[np.complex64]) -> bool:
    """Whether the samples of a channel do not follow one another."""
    return lines.strides[-1] != lines.itemsize
