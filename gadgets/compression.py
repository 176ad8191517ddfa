"""Channels are compressed as soon as the centre of k-space has been seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.model.kspace import ChannelMix
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import Protocol
from streamrecon.mrd import layout
from streamrecon.mrd.header import read_protocol
from streamrecon.mrd.messages import Acquisitions, Header
from streamrecon.recon.compression import compression_matrix, strongest
from streamrecon.stream.gadget import Gadget

_CENTRE = 12  # lines on either side of the centre to learn from
_ENOUGH = 24  # of them
_MOST = 256  # lines to learn from where there are not enough of them
_MIB = 1 << 20


class CompressCoils(Gadget[Header | ChannelMix | Acquisitions]):
    """Owes a compressing matrix to all lines, learnt from those around the centre of k-space.

    Lines wait until enough of them have come, or ``hold_mib`` is full: then the strongest lines so
    far have to do. Whitening goes first, and both travel as one matrix.
    """

    accepts: ClassVar = (Header, ChannelMix, Acquisitions)

    loss: float = Field(default=0.01, ge=0, lt=1, description="relative error that is allowed")
    channels: int | None = Field(default=None, ge=1, description="most virtual channels")
    hold_mib: int = Field(default=256, ge=1, description="lines that may wait [MiB]")

    _protocol: Protocol | None = PrivateAttr(default=None)
    _mix: NDArray[np.complex64] | None = PrivateAttr(default=None)
    _waiting: list[Acquisitions] = PrivateAttr(default_factory=list)
    _central: int = PrivateAttr(default=0)
    _settled: bool = PrivateAttr(default=False)

    def feed(self, item: Header | ChannelMix | Acquisitions) -> Iterator[object]:
        """Let lines wait until there is a matrix, then let them pass."""
        match item:
            case Header():
                self._protocol = read_protocol(item.xml)
                yield item
            case ChannelMix():
                self._mix = item.matrix
            case Acquisitions() if self._settled:
                yield item
            case Acquisitions():
                self._waiting.append(item.select(slice(None)))
                self._central += int(self._is_central(item).sum())
                held = sum(lines.data.nbytes for lines in self._waiting)
                if self._central >= _ENOUGH or held > self.hold_mib * _MIB:
                    yield from self._settle()

    def finish(self) -> Iterator[object]:
        """Settle with what has come."""
        if self._waiting:
            yield from self._settle()

    def _settle(self) -> Iterator[object]:
        self._settled = True
        lines, self._waiting = self._waiting, []
        alike = [item for item in lines if item.data.shape[1:] == lines[0].data.shape[1:]]
        if self._central < _ENOUGH:
            learnt = strongest([item.data for item in alike], _MOST)
        else:
            learnt = np.concatenate([item.data[self._is_central(item)] for item in alike])
        if self._mix is not None:
            learnt = self._mix @ learnt
        matrix = compression_matrix(learnt, loss=self.loss, most=self.channels)
        yield ChannelMix(matrix if self._mix is None else matrix @ self._mix)
        text = f"channels compressed from {matrix.shape[1]} to {matrix.shape[0]}"
        yield Notice(Level.INFO, text)
        yield from lines

    def _is_central(self, lines: Acquisitions) -> NDArray[np.bool_]:
        """Imaging or calibration lines near the centre of both phase axes."""
        if self._protocol is None:
            return np.zeros(len(lines), bool)
        encoding, idx = self._protocol.encoding, lines.head["idx"]
        ky = idx["kspace_encode_step_1"].astype(int) - encoding.ky.centre
        kz = idx["kspace_encode_step_2"].astype(int) - encoding.kz.centre
        passing = layout.NOT_IMAGING & ~layout.PARALLEL_CALIBRATION
        counts = (lines.head["flags"] & np.uint64(passing)) == 0
        return np.asarray(counts & (np.abs(ky) <= _CENTRE) & (np.abs(kz) <= _CENTRE))
