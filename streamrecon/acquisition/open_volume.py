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

    Raises
    ------
    DataError
        If the lines' samples or channels do not fit.
    """
    backward = (lines.header["flags"] & np.uint64(layout.REVERSE)) != 0
    data, centre = _kept_samples(lines, backward)
    return readout.rows(data, centre, backward), backward


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

    def add(self, lines: Acquisitions) -> None:
        """Transform lines along X and put them on their places.

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
        self._assembler.add(rows, echo=echo, kz=kz, ky=ky, purpose=self._purpose(header["flags"]))
        self._note_readout_polarity(echo, np.where(backward, -1, 1))
        for number in np.unique(header["idx"]["slice"]).tolist():
            first = int((header["idx"]["slice"] == number).argmax())
            self._placed.setdefault(number, header[first : first + 1].copy())

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


def _kept_samples(
    lines: Acquisitions, backward: NDArray[np.bool_]
) -> tuple[NDArray[np.complex64], NDArray[np.integer]]:
    """Samples without those to be discarded, and the place of the centre among them.

    Samples are discarded in the order of time, the centre counts in the order of k.
    """
    before, after = lines.header["discard_pre"], lines.header["discard_post"]
    if not before.any() and not after.any():
        return lines.data, lines.header["center_sample"]
    if np.ptp(before) or np.ptp(after):
        raise DataError("lines: found different numbers of samples to discard in one run of lines")
    start, stop = int(before[0]), lines.data.shape[2] - int(after[0])
    centre = lines.header["center_sample"].astype(np.int64) - np.where(backward, after, before)
    return lines.data[:, :, start:stop], centre
