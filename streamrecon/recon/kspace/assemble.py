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

from streamrecon.errors import DataError
from streamrecon.model.lattice import ALL_LINES, Lattice
from streamrecon.model.scan import Scan
from streamrecon.recon._kernels import scatter_rows
from streamrecon.recon.kspace.calibration_lines import CalibrationLines
from streamrecon.recon.kspace.encoding_grid import Grid
from streamrecon.recon.kspace.readout import PhaseTransform
from streamrecon.recon.kspace.sampling_pattern import ExpectedLines, only_corners

Complex = NDArray[np.complex64]
Counters = NDArray[np.integer]


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
        self._n_averages = n_averages
        n_y = max(grid.y.n_encoded, grid.y.n_image)
        n_z = grid.z_lines if grid.is_2d else max(grid.z.n_encoded, grid.z.n_image)
        self._data = np.zeros((n_echoes, n_channels, n_z, n_y, grid.x.n_image), np.complex64)
        self._counts = np.zeros((n_echoes, grid.z_lines, grid.y.n_encoded), np.int32)
        self._expected = ExpectedLines(grid, factor)
        self._central = CalibrationLines(
            grid, n_echoes=n_echoes, n_channels=n_channels, accelerated=factor > 1
        )
        self._count_missing()
        self._axis_first = ""
        self._transformed = np.zeros((n_echoes, max(self._counts.shape[1:])), bool)
        self._phase_transform: PhaseTransform | None = None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="planes")  # ends with this object
        self._pending: list[Future[None]] = []

    @property
    def complete(self) -> bool:
        """Whether every expected line of every echo has come as often as it will."""
        if self._expected.lattice is None or self._missing_in_plane.any():
            return False
        return self._expected.lattice.factor == 1 or self._central.whole(self._counts > 0)

    @property
    def sufficient(self) -> bool:
        """Whether nothing is missing but what only calibrates, or corners of an ellipse."""
        if self._expected.lattice is None:
            return False
        missing = self.missing()
        return not missing.any() or only_corners(missing, self._expected.lines, self._grid)

    @property
    def calibration(self) -> Complex | None:
        """Central lines [E, C, Zc, Yc, X] once all are in, mostly long before the last line."""
        return self._central.block() if self._central.ready else None

    @property
    def lattice(self) -> Lattice:
        """Lines that are taken; all of them while that is not known."""
        return self._expected.lattice or ALL_LINES

    def missing(self) -> NDArray[np.bool_]:
        """Which expected lines have not come [E, Z, Y]."""
        missing: NDArray[np.bool_] = self._expected.lines & (self._counts < self._n_averages)
        return missing

    def add(
        self,
        rows: Complex,
        *,
        echo: Counters,
        kz: Counters,
        ky: Counters,
        purpose: Purpose | None = None,
    ) -> None:
        """Put rows [N, C, X] on their places; counters as in the line headers, slices as kz.

        Raises
        ------
        DataError
            If a counter is outside the grid, or a line comes once more than it should.
        """
        z = (
            kz.astype(np.int64) - self._grid.first_slice
            if self._grid.is_2d
            else self._grid.z.place(kz, self._grid.kz.centre)
        )
        y = self._grid.y.place(ky, self._grid.ky.centre)
        e = echo.astype(np.int64)
        self._check_inside(e, z, y, kz, ky)
        if purpose is not None:
            self._central.note(e, z, y, purpose.calibrates)
            aside = ~purpose.images
            self._central.add(rows[aside], e[aside], z[aside], y[aside])
            rows = rows[purpose.images]
            e, z, y = (counter[purpose.images] for counter in (e, z, y))
        self._check_again(e, z, y)
        scatter_rows(rows, e, z, y, self._data, self._counts)
        if self._expected.learn(z, y):
            self._count_missing()
            e, z, y = np.nonzero(self._counts)
        else:
            np.subtract.at(self._missing_in_plane, (e, z), self._expected.lines[z, y])
            np.subtract.at(self._missing_in_column, (e, y), self._expected.lines[z, y])
        self._transform_what_is_full(e, z, y)

    def finish(self) -> HybridSpace:
        """The volume, its first phase axis transformed wherever that was not done yet."""
        self._axis_first = self._axis_first or "y"
        came = self._counts.any(axis=2 if self._axis_first == "y" else 1)
        for e, index in np.argwhere(came & ~self._transformed[:, : came.shape[1]]):
            self._transform(int(e), int(index))
        for transform in self._pending:
            transform.result()
        self._pending.clear()
        last_axis = "" if self._grid.is_2d else "zy".replace(self._axis_first, "")
        return HybridSpace(
            self._data,
            last_axis,
            self._central.block(),
            self._counts > 0,
            self._grid,
            self.lattice,
        )

    def _count_missing(self) -> None:
        """Lines to come in each plane and column; more than will ever come while none are known."""
        missing = self._expected.lines * self._n_averages - self._counts * self._expected.lines
        if self._expected.lattice is None:
            missing = np.ones_like(self._counts)
        self._missing_in_plane, self._missing_in_column = missing.sum(axis=2), missing.sum(axis=1)

    def _check_inside(
        self,
        e: NDArray[np.int64],
        z: NDArray[np.int64],
        y: NDArray[np.int64],
        kz: Counters,
        ky: Counters,
    ) -> None:
        n_echoes, n_z, n_y = self._counts.shape
        outside = (e >= n_echoes) | (z < 0) | (z >= n_z) | (y < 0) | (y >= n_y)
        if outside.any():
            at = int(outside.argmax())
            raise DataError(
                f"line: found echo {e[at]}, ky {ky[at]}, kz or slice {kz[at]}, "
                f"needed a place in {n_echoes} echoes, {n_y} and {n_z} steps"
            )

    def _check_again(
        self, e: NDArray[np.int64], z: NDArray[np.int64], y: NDArray[np.int64]
    ) -> None:
        again = self._counts[e, z, y] >= self._n_averages
        if again.any():
            at = int(again.argmax())
            grid = self._grid
            ky = y[at] - grid.y.n_encoded // 2 + grid.ky.centre
            kz = grid.first_slice if grid.is_2d else grid.kz.centre - grid.z.n_encoded // 2
            raise DataError(
                f"line: echo {e[at]}, ky {ky}, kz or slice {z[at] + kz} came more than "
                f"{self._n_averages} times in one volume"
            )

    def _transform_what_is_full(
        self, e: NDArray[np.int64], z: NDArray[np.int64], y: NDArray[np.int64]
    ) -> None:
        if self._axis_first != "z":
            full = self._missing_in_plane[e, z] == 0
            for echo, plane in set(zip(e[full].tolist(), z[full].tolist(), strict=True)):
                self._axis_first = "y"
                self._transform(echo, plane)
        if self._axis_first != "y" and not self._grid.is_2d:
            full = self._missing_in_column[e, y] == 0
            for echo, column in set(zip(e[full].tolist(), y[full].tolist(), strict=True)):
                self._axis_first = "z"
                self._transform(echo, column)

    def _transform(self, echo: int, index: int) -> None:
        """Have plane ``index`` transformed along Y, or column ``index`` along Z, beside the lines.

        No more lines come to it, so that the thread beside and this one never meet.
        """
        if self._transformed[echo, index]:
            return
        self._transformed[echo, index] = True
        self._pending.append(self._beside.submit(self._transform_block, echo, index))

    def _transform_block(self, echo: int, index: int) -> None:
        if self._axis_first == "y":
            block, count, axis = self._data[echo, :, index], self._counts[echo, index], self._grid.y
        else:
            block = self._data[echo, :, :, index]
            count, axis = self._counts[echo, :, index], self._grid.z
        if count.max() > 1:
            block[:, : len(count)] /= np.maximum(count, 1)[:, None]
        if self._axis_first == "y":
            self._central.keep_plane(echo, index, block, count > 0)
        else:
            self._central.keep_column(echo, index, block, count > 0)
        if self._phase_transform is None:
            self._phase_transform = PhaseTransform(axis, self._grid.x.n_image)
        for plane in block:
            self._phase_transform.image(plane, plane[: axis.n_image])
