"""Assembles rows in k-space, and transforms each phase axis as soon as it is filled.

After the last line only the other phase axis is left to transform. Whichever of Y and Z the scan
fills first is done on the way: planes of one partition in the usual order, or columns of one
phase-encoding step where partitions are the inner loop.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.lattice import ALL_LINES, Lattice
from streamrecon.model.scan import Scan
from streamrecon.recon._kernels import scatter_rows
from streamrecon.recon.kspace.calibration_lines import CalibrationLines
from streamrecon.recon.kspace.encoding_grid import Axis, Grid
from streamrecon.recon.kspace.filled_lines import FilledLines
from streamrecon.recon.kspace.readout import PhaseTransform

Complex = NDArray[np.complex64]
Counters = NDArray[np.integer]
Places = NDArray[np.int64]


class Purpose(NamedTuple):
    """What each of some lines is for [N]: the image, the calibration, or both."""

    images: NDArray[np.bool_]
    calibrates: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class HybridSpace:
    """A volume whose X axis is an image already, and perhaps a phase axis too.

    Parameters
    ----------
    data
        [E, C, Z, Y, X]; an axis in image space uses its first ``n_image`` places, one in
        k-space its first ``n_encoded``.
    last_axis
        "z" or "y": the phase axis that is left to transform; "" where none is.
    calibration
        Central lines of k-space [E, C, Zc, Yc, X], untransformed along Z and Y; their centre
        is at ``n // 2``. Z holds all slices of a two-dimensional scan.
    sampled
        Which lines came [E, Z, Y]; of an accelerated scan those of the lattice.
    grid
        The axes.
    lattice
        Lines that were taken; all others are zero.
    """

    data: Complex
    last_axis: str
    calibration: Complex
    sampled: NDArray[np.bool_]
    grid: Grid
    lattice: Lattice = ALL_LINES


@dataclass(frozen=True, slots=True, eq=False)
class KSpace:
    """One volume's lines on the grid, on its way through a chain.

    Parameters
    ----------
    space
        The lines, as far as they could be transformed while they came.
    scan
        The scan they belong to; its readout polarity is that of the lines.
    repetition
        Number of the volume, from 0.
    is_white
        Whether a line's noise is white: deviation 1 in real and imaginary part of each channel.
    """

    space: HybridSpace
    scan: Scan
    repetition: int = 0
    is_white: bool = False


class Assembler:
    """Takes rows in any order and transforms along the phase axis that fills first.

    Memory: the filled grid [E, C, Z, Y, X], and its centre a second time.

    Parameters
    ----------
    grid
        The axes.
    n_echoes, n_channels
        Sizes E and C.
    n_averages
        How many times each line will come; their mean is taken.
    factor
        Lines for each one that is taken: the acceleration.
    """

    def __init__(
        self,
        grid: Grid,
        *,
        n_echoes: int,
        n_channels: int,
        n_averages: int = 1,
        factor: int = 1,
    ) -> None:
        self._grid = grid
        n_y = max(grid.y.n_encoded, grid.y.n_image)
        n_z = grid.z_lines if grid.is_2d else max(grid.z.n_encoded, grid.z.n_image)
        self._data = np.zeros((n_echoes, n_channels, n_z, n_y, grid.x.n_image), np.complex64)
        self._lines = FilledLines(grid, n_echoes=n_echoes, n_averages=n_averages, factor=factor)
        self._central = CalibrationLines(
            grid, n_echoes=n_echoes, n_channels=n_channels, accelerated=factor > 1
        )
        self._calibration: Complex | None = None
        self._phase_transform: PhaseTransform | None = None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="planes")  # ends with this object
        self._pending: list[Future[None]] = []

    @property
    def complete(self) -> bool:
        """Whether every expected line of every echo has come as often as it will."""
        lattice = self._lines.lattice
        if lattice is None or self._lines.n_missing:
            return False
        return lattice.factor == 1 or self._central.whole(self._lines.counts > 0)

    @property
    def sufficient(self) -> bool:
        """Whether nothing is missing but what only calibrates, or corners of an ellipse."""
        return self._lines.sufficient

    @property
    def calibration(self) -> Complex | None:
        """Central lines [E, C, Zc, Yc, X] once all are in, mostly long before the last line."""
        return self._calibration

    @property
    def lattice(self) -> Lattice:
        """Lines that are taken; all of them while that is not known."""
        return self._lines.lattice or ALL_LINES

    @property
    def n_missing(self) -> int:
        """How many lines are to come, averages counted; many while that is not known."""
        return self._lines.n_missing

    def missing(self) -> NDArray[np.bool_]:
        """Which expected lines have not come [E, Z, Y]."""
        return self._lines.missing()

    def add(
        self,
        rows: Complex,
        *,
        echo: Counters,
        kz: Counters,
        ky: Counters,
        purpose: Purpose | None = None,
    ) -> int:
        """Put rows [N, C, X] on their places; counters as in the line headers, slices as kz.

        Where something is decided in the midst of the rows, they are taken in parts: what comes
        of it must not depend on how many came at once.

        Returns
        -------
        int
            How many were taken: none behind the one that makes the volume complete.

        Raises
        ------
        DataError
            If a counter is outside the grid, or a line comes once more than it should.
        """
        (z, y), e = self._lines.places(kz, ky), echo.astype(np.int64)
        inside = self._lines.inside(e, z, y)
        stop, taken = len(rows) if inside.all() else int(inside.argmin()), 0
        while taken < stop and not self.complete:
            rest = slice(taken, stop)
            given = None if purpose is None else Purpose(*(which[rest] for which in purpose))
            taken += self._take(rows[rest], e[rest], z[rest], y[rest], given)
        if taken == stop < len(rows) and not self.complete:
            self._lines.refuse_outside(e[stop], ky[stop], kz[stop])
        return taken

    def _take(self, rows: Complex, e: Places, z: Places, y: Places, purpose: Purpose | None) -> int:
        """Take rows up to the first that decides something; how many they are."""
        count, images = len(rows), np.arange(len(rows))
        if purpose is not None:
            count = self._central.lines_before_more(purpose.calibrates)
            images = np.flatnonzero(purpose.images[:count])
        was_known = self._lines.lattice is not None
        deciding = self._lines.until_decided(z[images], y[images])
        if deciding < len(images):
            count, images = int(images[deciding - 1]) + 1, images[:deciding]
        if purpose is not None:
            self._central.note(e[:count], z[:count], y[:count], purpose.calibrates[:count])
            aside = np.flatnonzero(~purpose.images[:count])
            self._central.add(rows[aside], e[aside], z[aside], y[aside])
        chosen = slice(count) if len(images) == count else images
        self._place(rows[chosen], e[chosen], z[chosen], y[chosen], was_known=was_known)
        is_ready = self._central.ready and self._lines.lattice is not None
        if self._calibration is None and is_ready:
            self._calibration = self._central.block()
        return count

    def _place(self, rows: Complex, e: Places, z: Places, y: Places, *, was_known: bool) -> None:
        """Put imaging rows on their places, and have transformed what they fill."""
        self._lines.refuse_late(e, z, y)
        scatter_rows(rows, e, z, y, self._data, self._lines.counts)
        learnt = not was_known and self._lines.lattice is not None
        for echo, index in self._lines.note(e, z, y, learnt=learnt):
            self._transform(echo, index)

    def finish(self) -> HybridSpace:
        """The volume, its first phase axis transformed wherever that was not done yet."""
        for echo, index in self._lines.rest():
            self._transform(echo, index)
        for transform in self._pending:
            transform.result()
        self._pending.clear()
        last_axis = "" if self._grid.is_2d else "zy".replace(self._lines.first_axis, "")
        return HybridSpace(
            self._data,
            last_axis,
            self._central.block(),
            self._lines.counts > 0,
            self._grid,
            self.lattice,
        )

    def _transform(self, echo: int, index: int) -> None:
        """Have plane ``index`` transformed along Y, or column ``index`` along Z, beside the lines.

        No more lines come to it, so that the thread beside and this one never meet.
        """
        if not self._lines.give(echo, index):
            return
        block, count, _ = self._block(echo, index)
        is_plane = self._lines.first_axis == "y"
        keep = self._central.keep_plane if is_plane else self._central.keep_column
        keep(echo, index, block, count)
        self._pending.append(self._beside.submit(self._transform_block, echo, index))

    def _block(self, echo: int, index: int) -> tuple[Complex, NDArray[np.int32], Axis]:
        """Plane or column [C, lines, X], how often its lines came, and their axis."""
        if self._lines.first_axis == "y":
            return self._data[echo, :, index], self._lines.counts[echo, index], self._grid.y
        return self._data[echo, :, :, index], self._lines.counts[echo, :, index], self._grid.z

    def _transform_block(self, echo: int, index: int) -> None:
        block, count, axis = self._block(echo, index)
        if count.max() > 1:
            block[:, : len(count)] /= np.maximum(count, 1)[:, None]
        if self._phase_transform is None:
            self._phase_transform = PhaseTransform(axis, self._grid.x.n_image)
        for plane in block:
            self._phase_transform.image(plane, plane[: axis.n_image])
