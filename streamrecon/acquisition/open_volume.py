"""One volume while its lines come in: from wire headers to places on the grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.kspace import Calibration, ChannelTransform
from streamrecon.model.scan import Scan, ScanProtocol, SignOrigin
from streamrecon.mrd.header.placement import place
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.assemble import Assembler, KSpace, Purpose
from streamrecon.recon.kspace.encoding_grid import Grid
from streamrecon.recon.kspace.missing_lines import name_lines
from streamrecon.recon.kspace.readout import ReadoutTransform


def readout_of(grid: Grid, n_channels: int, mix: ChannelTransform | None) -> ReadoutTransform:
    """The transform along X of a scan's lines, and what is owed to their channels."""
    if mix is None:
        return ReadoutTransform(grid.x, n_channels=n_channels)
    return ReadoutTransform(grid.x, n_channels=n_channels, mix=mix.matrix, along_x=mix.along_x)


def rows_along_x(
    lines: Acquisitions, readout: ReadoutTransform
) -> tuple[NDArray[np.complex64], NDArray[np.bool_]]:
    """Rows of the image [N, C', X], and which of them were read backward [N].

    Samples are discarded in the order of time, the centre counts in the order of k.

    Raises
    ------
    DataError
        If the lines' samples or channels do not fit.
    """
    backward = (lines.header["flags"] & np.uint64(layout.REVERSE)) != 0
    before, after = lines.header["discard_pre"], lines.header["discard_post"]
    if not before.any() and not after.any():
        return readout.rows(lines.data, lines.header["center_sample"], backward), backward
    rows: dict[int, NDArray[np.complex64]] = {}
    kinds = np.stack([before, after], axis=1).astype(np.int64)
    for start, cut in np.unique(kinds, axis=0).tolist():
        which = np.flatnonzero((kinds == (start, cut)).all(axis=1))
        data = lines.data[which, :, start : lines.data.shape[2] - cut]
        centre = lines.header["center_sample"][which].astype(np.int64)
        centre -= np.where(backward[which], cut, start)
        rows |= zip(which.tolist(), readout.rows(data, centre, backward[which]), strict=True)
    return np.stack([rows[number] for number in range(len(lines))]), backward


class OpenVolume:
    """Collects the lines of one volume, and their places and readout polarity."""

    def __init__(
        self,
        protocol: ScanProtocol,
        grid: Grid,
        readout: ReadoutTransform,
        *,
        is_white: bool = False,
    ) -> None:
        self._protocol = protocol
        self._is_white = is_white
        self._grid = grid
        self._readout = readout
        self._assembler = Assembler(
            grid,
            n_echoes=len(protocol.echoes),
            n_channels=readout.n_channels,
            n_averages=len(protocol.encoding.average),
            factor=math.prod(protocol.encoding.acceleration),
        )
        self._calibration_taken = False
        self._readout_polarity = np.zeros(len(protocol.echoes), np.int64)
        self._placed: dict[int, NDArray[np.void]] = {}  # first line of each slice

    @property
    def complete(self) -> bool:
        """Whether all lines are in."""
        return self._assembler.complete

    @property
    def sufficient(self) -> bool:
        """Whether only lines are missing that elliptical scans leave out."""
        return self._assembler.sufficient

    def take_calibration(self) -> Iterator[Calibration]:
        """The central lines, once, as soon as they are all in."""
        lines = None if self._calibration_taken else self._assembler.calibration
        if lines is not None:
            self._calibration_taken = True
            yield Calibration(lines, self._protocol.encoding, self._assembler.lattice)

    def missing(self) -> str:
        """The lines that have not come, in words."""
        return name_lines(self._assembler.missing(), self._grid)

    @property
    def n_undecided(self) -> int:
        """Lines that may come before anything happens to the volume: 0 where that is not known."""
        return self._assembler.n_missing - 1 if self._calibration_taken else 0

    def add(self, lines: Acquisitions) -> int:
        """Transform lines along X and put them on their places, up to that which completes them.

        Returns
        -------
        int
            How many were taken.

        Raises
        ------
        DataError
            If a line does not fit the grid, or the lines of one echo differ in direction.
        """
        header = lines.header
        rows, backward = rows_along_x(lines, self._readout)
        echo = header["idx"]["contrast"] - self._protocol.encoding.contrast.minimum
        kz = header["idx"]["slice" if self._grid.is_2d else "kspace_encode_step_2"]
        ky = header["idx"]["kspace_encode_step_1"]
        purpose = self._purpose(header["flags"])
        taken = self._assembler.add(rows, echo=echo, kz=kz, ky=ky, purpose=purpose)
        self._note_readout_polarity(echo[:taken], np.where(backward[:taken], -1, 1))
        slices = header["idx"]["slice"][:taken]
        for number in np.unique(slices).tolist():
            first = int((slices == number).argmax())
            self._placed.setdefault(number, header[first : first + 1].copy())
        return taken

    def finish(self, repetition: int, comments: tuple[str, ...] = ()) -> KSpace:
        """The volume in its place; it takes no more lines."""
        headers = np.concatenate([self._placed[number] for number in sorted(self._placed)])
        scan, assumed = place(self._protocol, headers)
        if scan.phase_sign.origin is SignOrigin.ASSUMED:
            assumed = (*assumed, f"phase sign {scan.phase_sign}")
        scan = replace(self._with_readout_polarity(scan), comments=(*assumed, *comments))
        return KSpace(self._assembler.finish(), scan, repetition, self._is_white)

    def _purpose(self, flags: NDArray[np.uint64]) -> Purpose | None:
        """What the lines of an accelerated scan are for."""
        if math.prod(self._protocol.encoding.acceleration) == 1:
            return None
        images = (flags & np.uint64(layout.PARALLEL_CALIBRATION)) == 0
        both = (flags & np.uint64(layout.PARALLEL_CALIBRATION_AND_IMAGING)) != 0
        return Purpose(images, calibrates=~images | both)

    def _note_readout_polarity(
        self, echo: NDArray[np.integer], direction: NDArray[np.int64]
    ) -> None:
        for number in np.unique(echo).tolist():
            found = set(direction[echo == number].tolist()) | {
                int(self._readout_polarity[number])
            } - {0}
            if len(found) > 1:
                raise DataError(f"echo {number}: found lines of both readout directions")
            self._readout_polarity[number] = found.pop()

    def _with_readout_polarity(self, scan: Scan) -> Scan:
        readout_polarity = tuple(int(sign) or 1 for sign in self._readout_polarity)
        echoes = replace(scan.echoes, readout_polarity=readout_polarity)
        return replace(scan, protocol=replace(scan.protocol, echoes=echoes))
