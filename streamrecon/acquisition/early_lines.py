"""The central lines of a scan, kept while they come, for a coarse image of them alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from threading import Event

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.scan import Encoding, ScanProtocol
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.central_kspace import (
    CentralLines,
    CentreTracker,
    coarse_encoding,
    lines_within,
)
from streamrecon.recon.kspace.encoding_grid import grid_of

_COUNTERS = ("repetition", "set", "phase")  # a volume's; previews are of the first
_RUNS_JOINED = 64  # a scanner sends line by line, and work by the line takes three times as long


@dataclass(frozen=True, slots=True, eq=False)
class EarlyLines:
    """Lines around the centre of k-space, as soon as a fraction of it is complete.

    Parameters
    ----------
    lines
        As they came.
    protocol
        That of a scan of these lines alone: coarser, with the same fields of view.
    mix
        Matrix that is owed to their channels, if any; on this grid that is not one along X.
    fraction
        How much of k-space they are.
    late
        Set when the last line of the volume is in: what is not begun need not be.
    """

    lines: tuple[Acquisitions, ...]
    protocol: ScanProtocol
    mix: NDArray[np.complex64] | None
    fraction: float
    late: Event


class CentreOfScan:
    """Copies of the central lines of a scan's first volume."""

    def __init__(
        self, protocol: ScanProtocol, fractions: Sequence[float], resolution_mm: float
    ) -> None:
        self._protocol = protocol
        self._grid = grid_of(protocol.encoding)
        self._resolution_mm = resolution_mm
        self._watch = CentreTracker(protocol.encoding, len(protocol.echoes), fractions)
        everything = CentralLines(1.0, np.ones((self._grid.z_lines, self._grid.y.n_encoded), bool))
        self._resolved = self._coarse(everything)[1]
        self._kept: list[Acquisitions] = []
        self._loose: list[Acquisitions] = []  # short runs, not joined yet
        self._late = Event()

    def add(self, lines: Acquisitions, mix: NDArray[np.complex64] | None) -> Iterator[EarlyLines]:
        """Keep what may be needed; the middles that are complete with these lines.

        ``mix`` is the matrix that is owed to the channels, if any.
        """
        if self._watch.is_done and self._late.is_set():
            return
        lines = self._of_first_volume(lines)
        z, y = self._places(lines)
        wanted = np.flatnonzero((self._watch.wanted & self._resolved)[z, y])
        if self._watch.is_done:
            wanted = wanted[:0]
        middles = self._watch.add(z, y)
        if self._watch.has_all:
            self._late.set()
        begin = 0
        for count, middle in middles:
            self._keep(lines.select(wanted[(wanted >= begin) & (wanted < count)]))
            yield self._early(middle, mix)
            begin = count
        if self._watch.is_done:
            self._kept.clear()
        else:
            self._keep(lines.select(wanted[wanted >= begin]))

    def _early(self, middle: CentralLines, mix: NDArray[np.complex64] | None) -> EarlyLines:
        """The lines of a middle."""
        self._join()
        encoding, resolved = self._coarse(middle)
        wanted = middle.lines & resolved
        lines = tuple(kept.select(wanted[self._places(kept)]) for kept in self._kept)
        protocol = replace(self._protocol, encoding=encoding)
        return EarlyLines(lines, protocol, mix, middle.fraction, self._late)

    def _keep(self, lines: Acquisitions) -> None:
        if len(lines):
            self._loose.append(lines)
        if len(self._loose) >= _RUNS_JOINED:
            self._join()

    def _join(self) -> None:
        for _, same in groupby(self._loose, key=lambda run: run.data.shape[1:]):
            self._kept.append(_joined(tuple(same)))
        self._loose.clear()

    def _coarse(self, middle: CentralLines) -> tuple[Encoding, NDArray[np.bool_]]:
        """The encoding of a middle, and the lines [Z, Y] of the whole grid that it has."""
        encoding = coarse_encoding(self._protocol.encoding, middle, self._resolution_mm)
        return encoding, lines_within(self._grid, encoding.ky, encoding.kz)

    def _of_first_volume(self, lines: Acquisitions) -> Acquisitions:
        idx, encoding = lines.header["idx"], self._protocol.encoding
        wanted = (lines.header["flags"] & np.uint64(layout.NOT_IMAGING)) == 0
        for counter in _COUNTERS:
            wanted &= idx[counter] == getattr(encoding, counter).minimum
        z, y = self._places(lines)
        n_z, n_y = self._grid.z_lines, self._grid.y.n_encoded
        return lines.select(wanted & (z >= 0) & (z < n_z) & (y >= 0) & (y < n_y))

    def _places(self, lines: Acquisitions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places (z, y) on the encoded grid."""
        idx, grid = lines.header["idx"], self._grid
        y = grid.y.place(idx["kspace_encode_step_1"], grid.ky.centre)
        if grid.is_2d:
            return idx["slice"].astype(np.int64) - grid.first_slice, y
        return grid.z.place(idx["kspace_encode_step_2"], grid.kz.centre), y


def _joined(runs: Sequence[Acquisitions]) -> Acquisitions:
    """Runs of one shape as one run; Cartesian lines have no trajectory."""
    data = np.concatenate([run.data for run in runs])
    none = np.zeros((*data.shape[::2], 0), np.float32)
    return Acquisitions(np.concatenate([run.header for run in runs]), data, none)
