"""Tracks when the middle of k-space is complete, in any order of lines, and its coarser grid.

Three forms of a middle are watched: partitions around the centre, phase-encoding steps around the
centre, and the ellipse about it. Linear orders complete one of the first two, an order from the
centre outwards the third.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.scan import CounterRange, Encoding
from streamrecon.recon.kspace.encoding_grid import Axis, Grid, grid_of

Counters = NDArray[np.integer]

_VOXEL_TOLERANCE = 2e-3  # well below what `grid.axis` allows
_TRIES = 16


@dataclass(frozen=True, slots=True, eq=False)
class CentralLines:
    """Lines in the middle of k-space that are all in.

    Parameters
    ----------
    fraction
        How much of k-space they are, 0 … 1.
    lines
        Which [Z, Y] of the encoded grid.
    """

    fraction: float
    lines: NDArray[np.bool_]


class CentreTracker:
    """Counts the lines of one volume until fractions of its middle are complete.

    Lines that the limits leave out, as partial Fourier does, are not waited for; lines left out
    by acceleration are, so that an accelerated scan completes none.

    Parameters
    ----------
    encoding
        The scan's encoding.
    n_echoes
        Echoes of each line.
    fractions
        Fractions of k-space, growing.
    """

    def __init__(self, encoding: Encoding, n_echoes: int, fractions: Sequence[float]) -> None:
        grid = grid_of(encoding)
        self._fractions = tuple(fractions)
        self._within = lines_within(grid, grid.ky, grid.kz)
        self._levels = _levels(
            grid, self._fractions
        )  # [form, Z, Y]: first fraction that has the line
        times = n_echoes * len(encoding.average)
        self._remaining = times * np.stack(
            [self._per_fraction(level[self._within]) for level in self._levels]
        )
        self._has_lines = np.cumsum(self._remaining, axis=1) > 0
        self._missing = int(self._within.sum()) * times
        self._form: int | None = None
        self._reported = 0

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """Lines that may still be part of a middle [Z, Y]."""
        forms = self._levels if self._form is None else self._levels[self._form : self._form + 1]
        return np.asarray((forms < len(self._fractions)).any(axis=0) & self._within)

    @property
    def is_done(self) -> bool:
        """Whether all fractions have been reported."""
        return self._reported == len(self._fractions)

    @property
    def has_all(self) -> bool:
        """Whether no line of the volume is missing."""
        return self._missing <= 0

    def add(self, z: Counters, y: Counters) -> list[tuple[int, CentralLines]]:
        """Count lines by their places; each fraction that they complete, and with how many.

        The first form that completes a fraction is kept for the larger ones. Of two that one line
        completes the larger is told.
        """
        levels = [level[z, y] for level in self._levels]
        completing = np.stack(
            [_completing(*each) for each in zip(levels, self._remaining, strict=True)]
        )
        completing[~self._has_lines] = np.inf
        self._missing -= len(z)
        self._remaining -= np.stack([self._per_fraction(level) for level in levels])
        if self._form is None and completing.min() <= len(z):
            self._form = int(completing.min(axis=1).argmin())
        if self._form is None:
            return []
        counts = completing[self._form]
        news = [n for n in range(self._reported, len(counts)) if counts[n] <= len(z)]
        self._reported = news[-1] + 1 if news else self._reported
        return list({int(counts[n]): self._middle(n + 1) for n in news}.items())

    def _middle(self, complete: int) -> CentralLines:
        lines = (self._levels[self._form or 0] < complete) & self._within
        return CentralLines(self._fractions[complete - 1], lines)

    def _per_fraction(self, levels: NDArray[np.intp]) -> NDArray[np.intp]:
        """How many lines are in each fraction and in no smaller one."""
        n = len(self._fractions)
        return np.bincount(levels, minlength=n + 1)[:n]


def _completing(levels: Counters, remaining: NDArray[np.intp]) -> NDArray[np.float64]:
    """With how many of the lines each fraction is complete, at least 1; infinite where it is not.

    A fraction is as late as the smaller ones in it.
    """
    counts = np.full(len(remaining), np.inf)
    for fraction, wanted in enumerate(remaining.tolist()):
        at = np.flatnonzero(levels == fraction)
        if wanted <= len(at):
            counts[fraction] = at[wanted - 1] + 1 if wanted > 0 else 1
    return np.asarray(np.maximum.accumulate(counts))


def coarse_encoding(encoding: Encoding, middle: CentralLines, resolution_mm: float) -> Encoding:
    """Encoding of a middle alone: the same fields of view in voxels of ``resolution_mm`` or more.

    Lines beyond that resolution are outside its limits.
    """
    grid = grid_of(encoding)
    n_z, n_y = (_extent(np.asarray(middle.lines.any(axis=axis))) for axis in (1, 0))
    z = (1, 1) if grid.is_2d else _coarse(grid.z, min(n_z, _count(grid.z, resolution_mm)))
    y = _coarse(grid.y, min(n_y, _count(grid.y, resolution_mm)))
    x = _coarse(grid.x, _count(grid.x, resolution_mm))
    return replace(
        encoding,
        encoded_shape=(z[0], y[0], grid.x.n_encoded),
        recon_shape=(z[1], y[1], x[1]),
        ky=_limit(encoding.ky, y[0]),
        kz=encoding.kz if grid.is_2d else _limit(encoding.kz, z[0]),
    )


def lines_within(grid: Grid, ky: CounterRange, kz: CounterRange) -> NDArray[np.bool_]:
    """Lines of a grid [Z, Y] whose counters are within limits; all slices of a 2-D scan."""
    y = np.arange(grid.y.n_encoded) - grid.y.n_encoded // 2 + grid.ky.centre
    within_y = (y >= ky.minimum) & (y <= ky.maximum)
    if grid.is_2d:
        return np.tile(within_y, (grid.z_lines, 1))
    z = np.arange(grid.z.n_encoded) - grid.z.n_encoded // 2 + grid.kz.centre
    return np.asarray(np.outer((z >= kz.minimum) & (z <= kz.maximum), within_y))


def _levels(grid: Grid, fractions: Sequence[float]) -> NDArray[np.intp]:
    """For each form, the first fraction that each line belongs to [form, Z, Y]; none: the last."""
    n_z, n_y = grid.z_lines, grid.y.n_encoded
    z, y = np.arange(n_z) - n_z // 2, np.arange(n_y) - n_y // 2
    along_y = np.broadcast_to(_ranks(y, n_y), (n_z, n_y))
    if grid.is_2d:
        forms = [along_y]
    else:
        along_z = np.broadcast_to(_ranks(z, n_z)[:, None], (n_z, n_y))
        ellipse = math.pi * ((z / n_z)[:, None] ** 2 + (y / n_y) ** 2)
        forms = [along_z, along_y, ellipse]
    return np.stack([np.searchsorted(fractions, form, side="left") for form in forms])


def _ranks(steps: NDArray[np.integer], n: int) -> NDArray[np.float64]:
    """Fraction of the axis that is at least as central as each step; ``-n // 2`` has no partner."""
    return np.asarray(np.minimum(2 * np.where(steps < 0, -steps, steps + 1), n) / n)


def _extent(used: NDArray[np.bool_]) -> int:
    """Lines of the smallest centred stretch that holds all that are used."""
    steps = np.flatnonzero(used) - used.size // 2
    return int(min(used.size, 2 * max(-int(steps[0]), int(steps[-1]) + 1)))


def _count(axis: Axis, resolution_mm: float) -> int:
    """Lines that resolve ``resolution_mm``."""
    return min(axis.n_encoded, math.ceil(axis.fov_mm / resolution_mm))


def _coarse(axis: Axis, lines: int) -> tuple[int, int]:
    """Lines kept, and voxels of the image: a whole number of them in the encoded field of view."""
    part = axis.n_transform / axis.n_image
    least = max(1, math.ceil(lines / part))
    for n in range(least, least + _TRIES):
        if abs(n * part - round(n * part)) <= _VOXEL_TOLERANCE * n * part:
            return lines, n
    return lines, axis.n_image


def _limit(limit: CounterRange, lines: int) -> CounterRange:
    first = limit.centre - lines // 2
    return CounterRange(
        max(limit.minimum, first), min(limit.maximum, first + lines - 1), limit.centre
    )
