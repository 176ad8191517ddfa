"""Channels are compressed as soon as the centre of k-space has been seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from streamrecon.acquisition.compress_channels import ChannelCompression, Wanted
from streamrecon.errors import HeaderError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.stream.gadget import Gadget


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

    _compression: ChannelCompression | None = PrivateAttr(default=None)

    def feed(self, item: ScanHeader | ChannelTransform | Acquisitions) -> Iterator[object]:
        """Let lines wait until there is enough to learn from, then let them pass."""
        if isinstance(item, ScanHeader):
            wanted = Wanted(self.method, self.loss, self.channels, self.hold_mib)
            self._compression = ChannelCompression(item.protocol, wanted)
            yield item
        elif self._compression is None:
            raise HeaderError("lines came before a header")
        elif isinstance(item, ChannelTransform):
            self._compression.owe(item)
        else:
            yield from self._compression.take(item)

    def finish(self) -> Iterator[object]:
        """Settle with what has come."""
        if self._compression is not None:
            yield from self._compression.finish()
