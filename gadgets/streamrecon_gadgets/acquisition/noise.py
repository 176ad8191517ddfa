"""Noise lines become a whitening matrix; a stored one serves scans that bring none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import PrivateAttr

from streamrecon.acquisition.whitening import Whitening
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.stream.gadget import Gadget


class WhitenNoise(Gadget[ScanHeader | Acquisitions]):
    """Takes the noise lines out and owes a whitening matrix to all lines that follow.

    The noise is that of the noise lines before the scan's first other line, else that of the noise
    scan it depends on, else that at the edges of k-space in its first 64 lines, which wait for each
    other; else the channels stay as they are. Noise lines among those 64 settle it too. Which it
    was is told, and which channels are dead and left out. A scan's own noise is kept under its
    measurement id for the scans that depend on it.
    """

    accepts: ClassVar = (ScanHeader, Acquisitions)
    stock_names: ClassVar = ("NoiseAdjustGadget",)

    _whitening: Whitening = PrivateAttr(default_factory=Whitening)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Keep noise lines; before the first other line, say how to whiten; pass the others."""
        if isinstance(item, ScanHeader):
            self._whitening = Whitening(item.noise_link, self.context.storage)
            yield item
        else:
            yield from self._whitening.take(item)

    def finish(self) -> Iterator[object]:
        """Settle with what has come; keep the noise of a scan that had nothing else."""
        yield from self._whitening.finish()
