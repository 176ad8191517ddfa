"""Tracks whether the central lines acquired so far suffice for calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.scan import CounterRange

Counters = NDArray[np.integer]
Mask = NDArray[np.bool_]

_REACH = 6  # lines on either side of the centre: most of the signal, and little noise
_PLACES, _FURTHEST = 144, 32  # a slice alone is seen as far as this, to have so many places
_ENOUGH = 0.75  # of the places: k-space that is cut or undersampled has gaps in its middle


class CalibrationCoverage:
    """Notes which places around the centre of k-space have come, in every slice or slab.

    One partition or one slice says nothing of how the coils vary across it. Of an accelerated
    scan one line is due in each cell of its lattice, so that a cell is a place.

    Parameters
    ----------
    ky, kz, slices
        Ranges of the counters.
    acceleration
        Lines of the lattice for each one that is taken (y, z).

    Examples
    --------
    >>> steps, slices = CounterRange(0, 63, 32), CounterRange(0, 13)
    >>> places = CalibrationCoverage(ky=steps, kz=CounterRange(), slices=slices)
    >>> ky, kz = np.arange(20, 38), np.zeros(18, int)
    >>> for number in range(10):
    ...     central = places.note(ky, kz, kz + number, images=ky > 20)
    >>> ky[central], places.enough
    (array([26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37]), False)
    >>> central = places.note(ky, kz, kz + 10, images=ky > 20)
    >>> places.enough
    True
    """

    def __init__(
        self,
        *,
        ky: CounterRange,
        kz: CounterRange,
        slices: CounterRange,
        acceleration: tuple[int, int] = (1, 1),
    ) -> None:
        first, last = _window(kz, _REACH)
        across = (last + 1 - first) * len(slices)
        reach = min(_FURTHEST, max(_REACH, _PLACES // (2 * across)))
        self._windows = (slices.minimum, slices.maximum), (first, last), _window(ky, reach)
        self._pitches = 1, acceleration[1], acceleration[0]
        shape = [
            (last - first) // pitch + 1
            for (first, last), pitch in zip(self._windows, self._pitches, strict=True)
        ]
        self._seen = np.zeros(shape, bool)

    def note(self, ky: Counters, kz: Counters, slices: Counters, *, images: Mask) -> Mask:
        """Take those lines [N] as come that image or calibrate; which of them are central."""
        inside, places = self._places(ky, kz, slices, images)
        self._seen[places] = True
        return inside

    def _places(
        self, ky: Counters, kz: Counters, slices: Counters, images: Mask
    ) -> tuple[Mask, tuple[Counters, ...]]:
        """Which lines are central, and the places of those."""
        counters = [counter.astype(np.int64) for counter in (slices, kz, ky)]
        inside = images.copy()
        for counter, (first, last) in zip(counters, self._windows, strict=True):
            inside &= (counter >= first) & (counter <= last)
        places = tuple(
            (counter[inside] - first) // pitch
            for counter, (first, _), pitch in zip(
                counters, self._windows, self._pitches, strict=True
            )
        )
        return inside, places

    def central(self, ky: Counters, kz: Counters, slices: Counters, *, images: Mask) -> Mask:
        """Which of these lines [N] are central."""
        return self._places(ky, kz, slices, images)[0]

    def lines_until_enough(
        self, ky: Counters, kz: Counters, slices: Counters, *, images: Mask
    ) -> int | None:
        """How many of these lines [N] it takes until enough places have come; ``None``: more.

        >>> steps = CounterRange(0, 63, 32)
        >>> places = CalibrationCoverage(ky=steps, kz=CounterRange(), slices=CounterRange())
        >>> ky = np.arange(64)
        >>> places.lines_until_enough(ky, 0 * ky, 0 * ky, images=ky >= 0)
        48
        """
        wanted = math.ceil(_ENOUGH * self._seen.size) - int(self._seen.sum())
        if wanted <= 0:
            return 0
        inside, places = self._places(ky, kz, slices, images)
        at = np.ravel_multi_index(places, self._seen.shape)
        new, first = np.unique(at, return_index=True)
        first = np.sort(first[~self._seen.ravel()[new]])
        return int(np.flatnonzero(inside)[first[wanted - 1]]) + 1 if wanted <= len(first) else None

    @property
    def enough(self) -> bool:
        """Whether three quarters of the places have come."""
        return bool(self._seen.mean() >= _ENOUGH)


def evenly(masks: Sequence[Mask], most: int) -> list[Mask]:
    """At most so many of the lines in the masks, spread over all of them.

    >>> evenly([np.ones(3, bool), np.array([True, False, True])], 3)
    [array([ True, False,  True]), array([False, False,  True])]
    """
    whole = np.concatenate(masks)
    places = np.flatnonzero(whole)
    kept = np.linspace(0, len(places) - 1, min(most, len(places))).astype(np.int64)
    chosen = np.zeros_like(whole)
    chosen[places[kept]] = True
    return np.split(chosen, np.cumsum([len(mask) for mask in masks])[:-1])


def strongest(
    runs: Sequence[NDArray[np.complex64]], among: Sequence[Mask], count: int
) -> list[Mask]:
    """Which are the ``count`` lines of most power out of runs [N, C, X], or all there are.

    ``among`` masks those that may be chosen: a navigator is stronger than most lines.

    >>> one, other = np.array([[[1j]], [[3]]], np.complex64), np.array([[[2]]], np.complex64)
    >>> strongest([one, other], [np.ones(2, bool), np.ones(1, bool)], 2)
    [array([False,  True]), array([ True])]
    >>> strongest([one, other], [np.array([True, False]), np.ones(1, bool)], 1)
    [array([False, False]), array([ True])]
    """
    power = [
        np.where(mask, np.square(np.linalg.norm(run, axis=(1, 2))), -1.0)
        for run, mask in zip(runs, among, strict=True)
    ]
    everyone = np.sort(np.concatenate(power))
    least = max(0.0, everyone[max(0, len(everyone) - count)])
    return [np.asarray(of >= least) for of in power]


def _window(limit: CounterRange, reach: int) -> tuple[int, int]:
    """First and last counter around the centre, be it in the limits or not."""
    centre = min(max(limit.centre, limit.minimum), limit.maximum)
    return max(limit.minimum, centre - reach), min(limit.maximum, centre + reach - 1)
