"""Collects the centre of k-space, from which sensitivities and kernels are learnt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.recon._kernels import scatter_rows
from streamrecon.recon.kspace.encoding_grid import Axis, Grid

Complex = NDArray[np.complex64]
Places = NDArray[np.int64]
Counts = NDArray[np.int32]

CALIBRATION_MM = 8.0  # resolution at which coil sensitivities are looked at
_MOST_LINES = 32  # of an accelerated scan's calibration that are kept along each axis
_LINES_TO_WAIT = 4  # of each slice and echo: then the calibration of a 2-D scan is over


class CalibrationLines:
    """Copies central lines before they are transformed, and takes lines that only calibrate.

    A line that only calibrates keeps its place from one that images as well: a calibration
    measured on its own is not mixed with the scan, and one that is embedded is completed by it.

    Parameters
    ----------
    grid
        The axes.
    n_echoes, n_channels
        Sizes E and C.
    accelerated
        Whether the fully sampled part is for the lines to show, and not all of the window.
    """

    def __init__(self, grid: Grid, *, n_echoes: int, n_channels: int, accelerated: bool) -> None:
        self._accelerated = accelerated
        self.z = slice(0, grid.z_lines) if grid.is_2d else _window(grid.z, accelerated)
        self.y = _window(grid.y, accelerated)
        shape = (self.z.stop - self.z.start, self.y.stop - self.y.start)
        self._is_2d = grid.is_2d
        self._data = np.zeros((n_echoes, n_channels, *shape, grid.x.n_image), np.complex64)
        self._counts = np.zeros((n_echoes, *shape), np.int32)  # lines that only calibrate
        self._flagged = np.zeros((n_echoes, *shape), bool)
        self._kept = np.zeros((n_echoes, *shape), bool)
        self._patience = n_echoes * (
            _LINES_TO_WAIT * grid.n_slices if grid.is_2d else grid.y.n_encoded
        )
        self._others_since = 0

    def lines_before_more(self, calibrates: NDArray[np.bool_]) -> int:
        """How many of the next lines come before one that calibrates when none is waited for."""
        latest = np.flatnonzero(calibrates)
        others = np.diff(latest, prepend=-1) - 1
        if len(latest):
            others[0] += self._others_since
        late = latest[others >= self._patience]
        late = late[late > 0]
        return int(late[0]) if len(late) else len(calibrates)

    def note(self, e: Places, z: Places, y: Places, calibrates: NDArray[np.bool_]) -> None:
        """See which lines calibrate, be it only or as well as they image."""
        inside = calibrates & self._inside(z, y)
        self._flagged[e[inside], z[inside] - self.z.start, y[inside] - self.y.start] = True
        latest = np.flatnonzero(calibrates)
        self._others_since = (
            len(e) - 1 - int(latest[-1]) if len(latest) else (self._others_since + len(e))
        )

    def add(self, rows: Complex, e: Places, z: Places, y: Places) -> None:
        """Take rows [N, C, X] that only calibrate; those beyond the window are not needed."""
        inside = self._inside(z, y)
        e, z, y = e[inside], z[inside] - self.z.start, y[inside] - self.y.start
        scatter_rows(rows[inside], e, z, y, self._data, self._counts)

    def keep_plane(self, echo: int, z: int, plane: Complex, count: Counts) -> None:
        """Copy from a plane [C, Y, X] what of it is central; its lines are sums of ``count``."""
        if self.z.start <= z < self.z.stop:
            self._keep((echo, z - self.z.start, slice(None)), plane[:, self.y], count[self.y])

    def keep_column(self, echo: int, y: int, column: Complex, count: Counts) -> None:
        """Copy from a column [C, Z, X] what of it is central; its lines are sums of ``count``."""
        if self.y.start <= y < self.y.stop:
            self._keep((echo, slice(None), y - self.y.start), column[:, self.z], count[self.z])

    @property
    def ready(self) -> bool:
        """Whether all is here that will come, as far as can be told before the volume ends."""
        if not self._accelerated:
            return bool(self._kept.all())
        box = self._box()
        return (
            self._others_since >= self._patience
            and bool(self._flagged.any())
            and bool((self._kept | (self._counts > 0))[:, box[0], box[1]].all())
        )

    def whole(self, sampled: NDArray[np.bool_]) -> bool:
        """Whether flagged lines, with those of the scan [E, Z, Y], fill their rectangle."""
        z, y = self._box()
        here = self._flagged | sampled[:, self.z, self.y]
        return bool(here[:, z, y].all())

    def block(self) -> Complex:
        """The lines [E, C, Zc, Yc, X] around the centre that are there without a gap.

        Of those within the rectangle of flagged lines, where some are: what is beyond it depends
        on how much of the scan has come.
        """
        if not self._accelerated:
            return self._data
        here: NDArray[np.bool_] = np.all(self._kept | (self._counts > 0), axis=0)
        if self._flagged.any():
            box = np.zeros_like(here)
            box[self._box()] = True
            here &= box
        z, y = _largest_block(here, self._is_2d)
        counts = np.maximum(self._counts[:, None, z, y, None], 1)
        return np.ascontiguousarray(self._data[:, :, z, y] / counts.astype(np.float32))

    def _inside(self, z: Places, y: Places) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = (
            (z >= self.z.start) & (z < self.z.stop) & (y >= self.y.start) & (y < self.y.stop)
        )
        return inside

    def _box(self) -> tuple[slice, slice]:
        """Smallest rectangle around all flagged lines, of a 2-D scan through all slices."""
        flagged: NDArray[np.bool_] = np.any(self._flagged, axis=0)
        if self._is_2d:
            flagged |= flagged.any(axis=0)
        z, y = np.unique(np.nonzero(flagged)[0]), np.unique(np.nonzero(flagged)[1])
        if not len(z):
            return slice(0, 0), slice(0, 0)
        return slice(int(z[0]), int(z[-1]) + 1), slice(int(y[0]), int(y[-1]) + 1)

    def _keep(
        self, where: tuple[int, int | slice, int | slice], lines: Complex, count: Counts
    ) -> None:
        echo, z, y = where
        free = self._counts[where] == 0
        taken = free & (count > 0) if self._accelerated else free
        mean = lines / np.maximum(count, 1)[:, None] if count.size and count.max() > 1 else lines
        self._data[echo, :, z, y][:, taken] = mean[:, taken]
        self._kept[where] |= taken


def _window(axis: Axis, accelerated: bool) -> slice:
    if not accelerated:
        return axis.central_lines(CALIBRATION_MM)
    count = min(axis.n_encoded, _MOST_LINES)
    start = axis.n_encoded // 2 - count // 2
    return slice(start, start + count)


def _largest_block(here: NDArray[np.bool_], is_2d: bool) -> tuple[slice, slice]:
    """Largest full rectangle [Z, Y] whose centre is that of the window."""
    best, most = (slice(0, 0), slice(0, 0)), 0
    sizes_z = [here.shape[0]] if is_2d else range(1, here.shape[0] + 1)
    for n_z in sizes_z:
        z = _centred(here.shape[0], n_z)
        full: NDArray[np.bool_] = np.all(here[z], axis=0)
        n_y = next((n for n in range(len(full), 0, -1) if full[_centred(len(full), n)].all()), 0)
        if n_z * n_y > most:
            best, most = (z, _centred(len(full), n_y)), n_z * n_y
    return best


def _centred(length: int, count: int) -> slice:
    start = length // 2 - count // 2
    return slice(start, start + count)
