"""The memory that a scan will need is stated, or refused, before its first line is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import PrivateAttr

from streamrecon.acquisition.noise_lines import imaging
from streamrecon.acquisition.scan_memory import check_fits, in_gib, needed_bytes, scan_size
from streamrecon.memory import available_bytes
from streamrecon.model.memory_use import ScanSize
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.stream.gadget import Gadget

_ANY_SCAN = ScanSize(1, 1, 1)


class StateMemory(Gadget[ScanHeader | Acquisitions]):
    """Says what the scan will need; goes ahead of its chain, named by none.

    The grid, the echoes and the maps of all branches are counted, from the header and the number of
    channels: the header's, or that of the first imaging line where it says another one. A scan
    that does not fit is refused.
    """

    accepts: ClassVar = (ScanHeader, Acquisitions)

    _protocol: ScanProtocol | None = PrivateAttr(default=None)
    _n_channels: int = PrivateAttr(default=0)  # that have been counted
    _settled: bool = PrivateAttr(default=True)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Count when the header is in, and again if the lines have more channels."""
        if isinstance(item, ScanHeader):
            if self.context.memory_peak(_ANY_SCAN):
                self._protocol, self._settled = item.protocol, False
                yield from self._state(item.protocol.n_coils or 1)
        elif not self._settled and self._protocol and len(lines := imaging(item)):
            self._settled = True
            if lines.data.shape[1] > self._n_channels:
                yield from self._state(lines.data.shape[1])
        yield item

    def _state(self, n_channels: int) -> Iterator[Notice]:
        if self._protocol is None:
            return
        self._n_channels = n_channels
        size = scan_size(self._protocol, n_channels)
        needed = needed_bytes(size, self.context.memory_peak)
        limit = self.context.memory_bytes or available_bytes()
        shape = f"{size.n_echoes} echoes, {n_channels} channels, {size.n_voxels} voxels"
        check_fits(needed, limit, f"a scan of {shape}")
        text = f"memory: about {in_gib(needed)} of {in_gib(limit)} for {shape}"
        yield Notice(Level.INFO, text)
