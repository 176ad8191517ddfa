"""Finds lines whose samples cannot be measurements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LARGEST_SAMPLE = 1e15
"""Receivers give up to 1e9; the square of this, summed over 1e8 voxels, still fits a float32."""

_BLOCK = 1 << 20  # numbers looked at together, so that what is made of them stays in the cache


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


def _is_scattered(lines: NDArray[np.complex64]) -> bool:
    """Whether the samples of a channel do not follow one another."""
    return lines.strides[-1] != lines.itemsize
