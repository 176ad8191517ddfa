"""Imaging lines become k-space volumes while they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from gadgets.volume import OpenVolume
from streamrecon.errors import DataError, HeaderError
from streamrecon.model.kspace import Calibration, ChannelMix, KSpace
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import Protocol, SignOrigin
from streamrecon.mrd import layout
from streamrecon.mrd.header import read_protocol
from streamrecon.mrd.messages import Acquisitions, Header
from streamrecon.recon.grid import grid_of
from streamrecon.recon.lines import ReadoutTransform
from streamrecon.stream.gadget import Gadget

_VOLUME = ("repetition", "set", "phase")  # the counters that part volumes, slowest first


class AssembleKSpace(Gadget[Header | ChannelMix | Acquisitions]):
    """Puts lines on the grid, transformed along X and one phase axis as they come.

    Removes oversampling along every axis, turns reversed readouts, places asymmetric echoes, fills
    with zeros to the wanted matrix, and averages. A volume leaves when its last line is in.
    """

    accepts: ClassVar = (Header, ChannelMix, Acquisitions)
    stock_names: ClassVar = ("AcquisitionAccumulateTriggerGadget",)

    phase_sign: Literal[-1, 1] | None = Field(
        default=None, description="sign of the scanner's phase; the header's where not given"
    )
    incomplete: Literal["fail", "reconstruct"] = Field(
        default="fail", description="what to do with a volume that lacks lines"
    )

    _protocol: Protocol | None = PrivateAttr(default=None)
    _mix: NDArray[np.complex64] | None = PrivateAttr(default=None)
    _readout: ReadoutTransform | None = PrivateAttr(default=None)
    _open: dict[tuple[int, ...], OpenVolume] = PrivateAttr(default_factory=dict)

    def feed(self, item: Header | ChannelMix | Acquisitions) -> Iterator[object]:
        """Learn from headers and mixes; put lines on their places."""
        match item:
            case Header():
                self._protocol = read_protocol(item.xml, phase_sign=self.phase_sign)
                self._refuse_acceleration(self._protocol)
                yield _sign_notice(self._protocol)
                yield item
            case ChannelMix():
                self._mix, self._readout = item.matrix, None
            case Acquisitions():
                yield from self._place(item)

    def finish(self) -> Iterator[object]:
        """Give the volumes that are not complete, or refuse them, naming what they lack."""
        for key in sorted(self._open):
            missing = self._open[key].missing()
            if self.incomplete == "fail":
                raise DataError(f"volume {self._number(key)}: missing {missing}")
            text = f"volume {self._number(key)}: reconstructed without {missing}"
            yield Notice(Level.WARNING, text)
            yield self._open.pop(key).finish(self._number(key), (text,))

    def _place(self, lines: Acquisitions) -> Iterator[Calibration | KSpace]:
        lines = lines.select((lines.head["flags"] & np.uint64(layout.NOT_IMAGING)) == 0)
        keys = np.stack([lines.head["idx"][name] for name in _VOLUME], axis=1)
        for key in dict.fromkeys(map(tuple, keys.tolist())):
            if key not in self._open:
                self._open[key] = self._new_volume(lines.data.shape[1])
            self._open[key].add(lines.select((keys == key).all(axis=1)))
            calibration = self._open[key].take_calibration()
            if calibration is not None:
                yield calibration
            if self._open[key].complete:
                yield self._open.pop(key).finish(self._number(key))

    def _new_volume(self, n_channels: int) -> OpenVolume:
        if self._protocol is None:
            raise HeaderError("lines came before a header")
        grid = grid_of(self._protocol.encoding)
        if self._readout is None:
            self._readout = ReadoutTransform(grid.x, n_channels=n_channels, mix=self._mix)
        return OpenVolume(self._protocol, grid, self._readout)

    def _refuse_acceleration(self, protocol: Protocol) -> None:
        """Say before the scan, not after it, that its lines will not do."""
        if max(protocol.encoding.acceleration) > 1 and self.incomplete == "fail":
            found = "x".join(map(str, protocol.encoding.acceleration))
            raise HeaderError(
                f"encoding/parallelImaging: found acceleration {found}, needed 1x1: "
                "this chain needs all lines"
            )

    def _number(self, key: tuple[int, ...]) -> int:
        """Number of a volume from its counters, mixed radix."""
        if self._protocol is None:
            return 0
        sizes = [len(getattr(self._protocol.encoding, name)) for name in _VOLUME]
        return int(np.ravel_multi_index(key, sizes, mode="clip"))


def _sign_notice(protocol: Protocol) -> Notice:
    assumed = protocol.phase_sign.origin is SignOrigin.ASSUMED
    level = Level.WARNING if assumed else Level.INFO
    return Notice(level, f"phase sign {protocol.phase_sign}")
