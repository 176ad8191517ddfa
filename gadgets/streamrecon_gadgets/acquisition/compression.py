"""Channels are compressed as soon as the centre of k-space has been seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.errors import ConfigError, HeaderError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol, of_slab
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.calibration_coverage import CalibrationCoverage, evenly, strongest
from streamrecon.recon.kspace.coil_compression import compressed
from streamrecon.recon.kspace.encoding_grid import Grid, grid_of
from streamrecon.recon.kspace.geometric_coil_compression import compressed_along_x
from streamrecon.stream.gadget import Gadget
from streamrecon_gadgets.acquisition.volume import readout_of, rows_along_x

_MOST = 1024  # lines to learn from: a scan of many slices has more around its centre
_STRONGEST = 256  # of those that came, where the centre did not and a number is asked for
_MIB = 1 << 20
_ENDED = "the scan ended"
_NOT_IMAGING = np.uint64(layout.NOT_IMAGING & ~layout.PARALLEL_CALIBRATION)


class CompressCoils(Gadget[ScanHeader | ChannelTransform | Acquisitions]):
    """Owes compressed channels to all lines, learnt from those around the centre of k-space.

    Lines wait until most of the centre of every slice has come, and as many lines as channels.
    Where the scan ends before, what came of the centre has to do. Where ``hold_mib`` is full
    before, or there are fewer lines than channels, these stay as they are, unless a number of them
    is asked for: then the strongest lines so far have to do. Each is told. Whitening goes first;
    with it the noise is known, and not taken for signal that is to be kept.
    """

    accepts: ClassVar = (ScanHeader, ChannelTransform, Acquisitions)

    method: Literal["geometric", "pca"] = Field(
        default="geometric",
        description="geometric: virtual channels of its own at each place along the readout, and"
        " fewer; pca: the same everywhere",
    )
    loss: float = Field(default=0.01, ge=0, lt=1, description="relative error that is allowed")
    channels: int | None = Field(default=None, ge=1, description="most virtual channels")
    hold_mib: int = Field(default=256, ge=1, description="lines that may wait [MiB]")

    _scan: _Scan | None = PrivateAttr(default=None)
    _owed: ChannelTransform | None = PrivateAttr(default=None)
    _waiting: list[_Run] = PrivateAttr(default_factory=list)
    _held: int = PrivateAttr(default=0)  # bytes that wait
    _n_central: int = PrivateAttr(default=0)  # lines among them
    _settled: bool = PrivateAttr(default=False)

    def feed(self, item: ScanHeader | ChannelTransform | Acquisitions) -> Iterator[object]:
        """Let lines wait until there is enough to learn from, then let them pass."""
        match item:
            case ScanHeader():
                self._scan = _scan_of(item.protocol)
                yield item
            case ChannelTransform(along_x=None):
                self._owed = item
            case ChannelTransform():
                raise ConfigError("CompressCoils: found channels that are compressed already")
            case Acquisitions() if self._settled:
                yield item
            case Acquisitions():
                if self._scan is None:
                    raise HeaderError("lines came before a header")
                self._wait(item, self._scan.places)
                if self._scan.places.enough and self._n_central >= self._channels_of(self._waiting):
                    yield from self._settle(self._scan, None)
                elif self._held > self.hold_mib * _MIB:
                    yield from self._settle(self._scan, f"{self.hold_mib} MiB came")

    def finish(self) -> Iterator[object]:
        """Settle with what has come."""
        if self._scan is not None and self._waiting:
            yield from self._settle(self._scan, _ENDED)

    def _wait(self, lines: Acquisitions, places: CalibrationCoverage) -> None:
        """Keep lines, and what they are."""
        images = (lines.head["flags"] & _NOT_IMAGING) == 0
        idx = lines.head["idx"]
        central = places.note(
            idx["kspace_encode_step_1"],
            idx["kspace_encode_step_2"],
            idx["slice"],
            images=images,
        )
        self._waiting.append(_Run(lines.select(slice(None)), images, central))
        self._held += lines.data.nbytes
        self._n_central += int(central.sum())

    def _channels_of(self, runs: list[_Run]) -> int:
        """Channels of lines behind what is owed to them."""
        return runs[0].lines.data.shape[1] if self._owed is None else self._owed.n_channels

    def _settle(self, scan: _Scan, cut: str | None) -> Iterator[object]:
        """Say what is owed, and let all lines go; ``cut`` says what came before the centre."""
        self._settled = True
        runs, self._waiting = self._waiting, []
        yield from self._owing(scan, runs, cut)
        yield from (run.lines for run in runs)

    def _owing(
        self, scan: _Scan, runs: list[_Run], cut: str | None
    ) -> Iterator[ChannelTransform | Notice]:
        n_channels = self._channels_of(runs)
        before = f"{cut} before the centre of k-space"
        if self._n_central < n_channels:
            before = f"{cut} with {self._n_central} lines of the centre, needed {n_channels}"
        if cut in {None, _ENDED} and self._n_central >= n_channels:
            if not scan.places.enough:
                text = f"compression learnt from {self._n_central} central lines: {before}"
                yield Notice(Level.WARNING, text)
            yield from self._compress(scan, runs, evenly([run.central for run in runs], _MOST))
        elif self.channels is not None and sum(run.images.sum() for run in runs) >= n_channels:
            text = f"compression learnt from the strongest lines: {before}"
            yield Notice(Level.WARNING, text)
            among = [run.images for run in runs]
            masks = strongest([run.lines.data for run in runs], among, _STRONGEST)
            yield from self._compress(scan, runs, masks)
        else:
            yield Notice(Level.WARNING, f"channels not compressed: {before}")
            if self._owed is not None:
                yield self._owed

    def _compress(
        self, scan: _Scan, runs: list[_Run], masks: list[NDArray[np.bool_]]
    ) -> Iterator[ChannelTransform | Notice]:
        """The mix that is owed, learnt from the lines in the masks."""
        grid = scan.grid
        readout = readout_of(grid, runs[0].lines.data.shape[1], self._owed)
        rows = np.concatenate(
            [
                rows_along_x(run.lines.select(mask), readout)[0]
                for run, mask in zip(runs, masks, strict=True)
                if mask.any()
            ]
        )
        if self.method == "geometric":
            mix = compressed_along_x(
                rows, grid.x.voxel_mm, self._owed, loss=self.loss, most=self.channels
            )
        else:
            mix = compressed(rows, self._owed, loss=self.loss, most=self.channels)
        yield mix
        text = f"channels compressed ({self.method}) from {rows.shape[1]} to {mix.n_channels}"
        yield Notice(Level.INFO, text)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Lines that wait; which of them image or calibrate, and which of those are central."""

    lines: Acquisitions
    images: NDArray[np.bool_]
    central: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    grid: Grid
    places: CalibrationCoverage


def _scan_of(protocol: ScanProtocol) -> _Scan:
    """Its grid, of several slabs that of one, and the places of all."""
    encoding = protocol.encoding
    places = CalibrationCoverage(
        ky=encoding.ky,
        kz=encoding.kz,
        slices=encoding.slice,
        acceleration=encoding.acceleration,
    )
    if encoding.has_slabs:
        encoding = of_slab(protocol, encoding.slice.minimum).encoding
    return _Scan(grid_of(encoding), places)
