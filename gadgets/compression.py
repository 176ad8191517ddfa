"""Channels are compressed as soon as the centre of k-space has been seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from gadgets.volume import readout_of, rows_along_x
from streamrecon.errors import ConfigError, HeaderError
from streamrecon.model.kspace import ChannelMix
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import Protocol, of_slab
from streamrecon.mrd import layout
from streamrecon.mrd.header import read_protocol
from streamrecon.mrd.messages import Acquisitions, Header
from streamrecon.recon.central import CentralPlaces, evenly, strongest
from streamrecon.recon.compression import compressed
from streamrecon.recon.geometric import compressed_along_x
from streamrecon.recon.grid import Grid, grid_of
from streamrecon.stream.gadget import Gadget

_MOST = 1024  # lines to learn from: a scan of many slices has more around its centre
_STRONGEST = 256  # of those that came, where the centre did not and a number is asked for
_MIB = 1 << 20
_NOT_IMAGING = np.uint64(layout.NOT_IMAGING & ~layout.PARALLEL_CALIBRATION)


class CompressCoils(Gadget[Header | ChannelMix | Acquisitions]):
    """Owes compressed channels to all lines, learnt from those around the centre of k-space.

    Lines wait until most of the centre of every slice has come. Where ``hold_mib`` is full before,
    channels stay as they are, unless a number of them is asked for: then the strongest lines so
    far have to do. Either is told. Whitening goes first; with it the noise is known, and not
    taken for signal that is to be kept.
    """

    accepts: ClassVar = (Header, ChannelMix, Acquisitions)

    method: Literal["geometric", "pca"] = Field(
        default="geometric",
        description="geometric: virtual channels of its own at each place along the readout, and"
        " fewer; pca: the same everywhere",
    )
    loss: float = Field(default=0.01, ge=0, lt=1, description="relative error that is allowed")
    channels: int | None = Field(default=None, ge=1, description="most virtual channels")
    hold_mib: int = Field(default=256, ge=1, description="lines that may wait [MiB]")

    _scan: _Scan | None = PrivateAttr(default=None)
    _owed: ChannelMix | None = PrivateAttr(default=None)
    _waiting: list[Acquisitions] = PrivateAttr(default_factory=list)
    _central: list[NDArray[np.bool_]] = PrivateAttr(default_factory=list)  # of what waits
    _settled: bool = PrivateAttr(default=False)

    def feed(self, item: Header | ChannelMix | Acquisitions) -> Iterator[object]:
        """Let lines wait until there is enough to learn from, then let them pass."""
        match item:
            case Header():
                self._scan = _scan_of(read_protocol(item.xml))
                yield item
            case ChannelMix(along_x=None):
                self._owed = item
            case ChannelMix():
                raise ConfigError("CompressCoils: found channels that are compressed already")
            case Acquisitions() if self._settled:
                yield item
            case Acquisitions():
                enough = self._wait(item)
                held = sum(lines.data.nbytes for lines in self._waiting)
                if enough or held > self.hold_mib * _MIB:
                    yield from self._settle(enough=enough)

    def finish(self) -> Iterator[object]:
        """Settle with what has come."""
        if self._waiting:
            yield from self._settle(enough=any(mask.any() for mask in self._central))

    def _wait(self, lines: Acquisitions) -> bool:
        """Keep lines; whether those that have come are enough."""
        if self._scan is None:
            raise HeaderError("lines came before a header")
        idx = lines.head["idx"]
        central = self._scan.places.note(
            idx["kspace_encode_step_1"],
            idx["kspace_encode_step_2"],
            idx["slice"],
            images=(lines.head["flags"] & _NOT_IMAGING) == 0,
        )
        self._waiting.append(lines.select(slice(None)))
        self._central.append(central)
        return self._scan.places.enough

    def _settle(self, *, enough: bool) -> Iterator[object]:
        self._settled = True
        lines, self._waiting = self._waiting, []
        if enough:
            yield from self._compress(lines, evenly(self._central, _MOST))
        elif self.channels is not None:
            text = f"compression learnt from what came within {self.hold_mib} MiB, centre missing"
            yield Notice(Level.WARNING, text)
            yield from self._compress(lines, strongest([run.data for run in lines], _STRONGEST))
        else:
            text = f"channels not compressed: {self.hold_mib} MiB came before the centre of k-space"
            yield Notice(Level.WARNING, text)
            if self._owed is not None:
                yield self._owed
        yield from lines

    def _compress(
        self, lines: list[Acquisitions], masks: list[NDArray[np.bool_]]
    ) -> Iterator[ChannelMix | Notice]:
        """The mix that is owed, learnt from the lines in the masks."""
        if self._scan is None:
            return
        grid = self._scan.grid
        readout = readout_of(grid, lines[0].data.shape[1], self._owed)
        rows = np.concatenate(
            [
                rows_along_x(run.select(mask), readout)[0]
                for run, mask in zip(lines, masks, strict=True)
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
class _Scan:
    grid: Grid
    places: CentralPlaces


def _scan_of(protocol: Protocol) -> _Scan:
    """Its grid, of several slabs that of one, and the places of all."""
    encoding = protocol.encoding
    places = CentralPlaces(ky=encoding.ky, kz=encoding.kz, slices=encoding.slice)
    if encoding.has_slabs:
        encoding = of_slab(protocol, encoding.slice.minimum).encoding
    return _Scan(grid_of(encoding), places)
