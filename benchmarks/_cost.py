"""Cost of one piece of work in units of another, measured in one run on one machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import pyfftw


def time_of(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one call [s]: of the wall, or by another clock."""
    start = clock()
    work()
    return clock() - start


def cost_in(
    unit: Callable[[], object],
    work: Callable[[], object],
    pairs: int = 5,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """How many times ``unit`` the ``work`` takes: the median over interleaved pairs.

    Both run once before, so that neither pays for the first call. The two of a pair run one
    behind the other, so that a machine that slows down slows both. `time.process_time` as clock
    counts this process's CPU alone.
    """
    unit()
    work()
    ratios = []
    for i in range(pairs):
        if i % 2:
            worked, taken = time_of(work, clock), time_of(unit, clock)
        else:
            taken, worked = time_of(unit, clock), time_of(work, clock)
        ratios.append(worked / taken)
    return statistics.median(ratios)


class MeasuredPlan:
    """The fastest transform that FFTW finds by trying, complex64: the unit of costs.

    The product's own plans are not measured, see docs/adr/0028-same-bytes-same-images.md.
    """

    def __init__(
        self,
        shape: Sequence[int],
        axes: Sequence[int],
        *,
        inverse: bool,
        in_place: bool = True,
        threads: int,
    ) -> None:
        self.source = pyfftw.zeros_aligned(tuple(shape), np.complex64)
        result = self.source if in_place else pyfftw.empty_aligned(tuple(shape), np.complex64)
        self.run = pyfftw.FFTW(
            self.source,
            result,
            axes=tuple(axes),
            direction="FFTW_BACKWARD" if inverse else "FFTW_FORWARD",
            flags=("FFTW_MEASURE", "FFTW_DESTROY_INPUT"),
            threads=threads,
        ).execute
