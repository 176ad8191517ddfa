"""Rows on their places in k-space, transformed along a phase axis as soon as it is filled.

After the last line only the other phase axis is left to transform. Whichever of Y and Z the scan
fills first is done on the way: planes of one partition in the usual order, or columns of one
phase-encoding step where partitions are the inner loop.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.recon._kernels import scatter_rows
from streamrecon.recon.grid import Grid
from streamrecon.recon.lines import PhaseTransform

Complex = NDArray[np.complex64]
Counters = NDArray[np.integer]

CALIBRATION_MM = 8.0  # resolution at which coil sensitivities are looked at


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
        Which lines came [E, Z, Y].
    grid
        The axes.
    """

    data: Complex
    last_axis: str
    calibration: Complex
    sampled: NDArray[np.bool_]
    grid: Grid


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
    """

    def __init__(self, grid: Grid, *, n_echoes: int, n_channels: int, n_averages: int = 1) -> None:
        self._grid = grid
        self._n_averages = n_averages
        n_y = max(grid.y.n_encoded, grid.y.n_image)
        n_z = grid.z_lines if grid.is_2d else max(grid.z.n_encoded, grid.z.n_image)
        self._data = np.zeros((n_echoes, n_channels, n_z, n_y, grid.x.n_image), np.complex64)
        self._counts = np.zeros((n_echoes, grid.z_lines, grid.y.n_encoded), np.int32)
        self._expected = _expected_lines(grid)
        self._left_in_plane = np.tile(self._expected.sum(axis=1) * n_averages, (n_echoes, 1))
        self._left_in_column = np.tile(self._expected.sum(axis=0) * n_averages, (n_echoes, 1))
        self._axis_first = ""
        self._transformed = np.zeros((n_echoes, max(self._counts.shape[1:])), bool)
        self._window_y = grid.y.central_lines(CALIBRATION_MM)
        self._window_z = (
            slice(0, grid.z_lines) if grid.is_2d else grid.z.central_lines(CALIBRATION_MM)
        )
        calibration = self._data[:, :, self._window_z, self._window_y]
        self._calibration = np.zeros(calibration.shape, np.complex64)
        self._calibration_kept: set[tuple[int, int]] = set()
        self._phase_transform: PhaseTransform | None = None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="planes")  # ends with this object
        self._pending: list[Future[None]] = []

    @property
    def complete(self) -> bool:
        """Whether every expected line of every echo has come as often as it will."""
        return not self._left_in_plane.any()

    @property
    def calibration(self) -> Complex | None:
        """Central lines [E, C, Zc, Yc, X] once all are in, mostly long before the last line."""
        window = self._window_z if self._axis_first == "y" else self._window_y
        if len(self._calibration_kept) < len(self._data) * (window.stop - window.start):
            return None
        return self._calibration

    def missing(self) -> NDArray[np.bool_]:
        """Which expected lines have not come [E, Z, Y]."""
        missing: NDArray[np.bool_] = self._expected & (self._counts < self._n_averages)
        return missing

    def add(self, rows: Complex, *, echo: Counters, kz: Counters, ky: Counters) -> None:
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
        self._check(e, z, y, kz, ky)
        scatter_rows(rows, e, z, y, self._data, self._counts)
        np.subtract.at(self._left_in_plane, (e, z), self._expected[z, y])
        np.subtract.at(self._left_in_column, (e, y), self._expected[z, y])
        self._transform_what_is_full(e, z, y)

    def finish(self) -> HybridSpace:
        """The volume, its first phase axis transformed wherever that was not done yet."""
        self._axis_first = self._axis_first or "y"
        done = self._transformed[:, : self._n_of_first_axis()]
        for e, index in np.argwhere(~done):
            self._transform(int(e), int(index))
        for transform in self._pending:
            transform.result()
        self._pending.clear()
        last_axis = "" if self._grid.is_2d else "zy".replace(self._axis_first, "")
        return HybridSpace(self._data, last_axis, self._calibration, self._counts > 0, self._grid)

    def _check(
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
        again = self._counts[e, z, y] >= self._n_averages
        if again.any():
            at = int(again.argmax())
            raise DataError(
                f"line: echo {e[at]}, ky {ky[at]}, kz or slice {kz[at]} came more than "
                f"{self._n_averages} times in one volume"
            )

    def _transform_what_is_full(
        self, e: NDArray[np.int64], z: NDArray[np.int64], y: NDArray[np.int64]
    ) -> None:
        if self._axis_first != "z":
            full = self._left_in_plane[e, z] == 0
            for echo, plane in set(zip(e[full].tolist(), z[full].tolist(), strict=True)):
                self._axis_first = "y"
                self._transform(echo, plane)
        if self._axis_first != "y" and not self._grid.is_2d:
            full = self._left_in_column[e, y] == 0
            for echo, column in set(zip(e[full].tolist(), y[full].tolist(), strict=True)):
                self._axis_first = "z"
                self._transform(echo, column)

    def _n_of_first_axis(self) -> int:
        return self._counts.shape[1 if self._axis_first == "y" else 2]

    def _transform(self, echo: int, index: int) -> None:
        """Have plane ``index`` transformed along Y, or column ``index`` along Z, beside the lines.

        No more lines come to it, so that the thread beside and this one never meet.
        """
        if self._transformed[echo, index]:
            return
        self._transformed[echo, index] = True
        self._pending.append(self._beside.submit(self._transform_block, echo, index))

    def _transform_block(self, echo: int, index: int) -> None:
        self._keep_calibration(echo, index)
        if self._axis_first == "y":
            block, count, axis = self._data[echo, :, index], self._counts[echo, index], self._grid.y
        else:
            block = self._data[echo, :, :, index]
            count, axis = self._counts[echo, :, index], self._grid.z
        if count.max() > 1:
            block[:, : len(count)] /= np.maximum(count, 1)[:, None]
        if self._phase_transform is None:
            self._phase_transform = PhaseTransform(axis, self._grid.x.n_image)
        for plane in block:
            self._phase_transform.image(plane, plane[: axis.n_image])

    def _keep_calibration(self, echo: int, index: int) -> None:
        y, z = self._window_y, self._window_z
        if self._axis_first == "y" and z.start <= index < z.stop:
            self._calibration[echo, :, index - z.start] = self._data[echo, :, index, y]
            self._calibration_kept.add((echo, index))
        if self._axis_first == "z" and y.start <= index < y.stop:
            self._calibration[echo, :, :, index - y.start] = self._data[echo, :, z, index]
            self._calibration_kept.add((echo, index))


def _expected_lines(grid: Grid) -> NDArray[np.bool_]:
    """Lines within the header's limits [Z, Y]."""
    expected = np.zeros((grid.z_lines, grid.y.n_encoded), bool)
    y = np.arange(grid.ky.minimum, grid.ky.maximum + 1)
    z = (
        np.arange(grid.n_slices)
        if grid.is_2d
        else grid.z.place(np.arange(grid.kz.minimum, grid.kz.maximum + 1), grid.kz.centre)
    )
    y = grid.y.place(y, grid.ky.centre)
    if y.min() < 0 or y.max() >= expected.shape[1] or z.min() < 0 or z.max() >= expected.shape[0]:
        raise DataError(
            f"encoding limits: found ky {grid.ky} and kz {grid.kz}, needed them inside the "
            f"encoded matrix of {grid.y.n_encoded} by {grid.z.n_encoded} lines"
        )
    expected[np.ix_(z, y)] = True
    return expected
