"""An early warning: what lines say of the scan while there is time to repeat it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, PrivateAttr

from streamrecon.acquisition.line_quality import Limits, LineQuality
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions, Waveform
from streamrecon.stream.gadget import Gadget


class WatchQuality(Gadget[ScanHeader | ChannelTransform | Acquisitions | Waveform]):
    """Passes lines on, and says while the scan runs what is wrong with it.

    The central line of k-space tells the signal; measured again (averages, repetitions, or on
    purpose) it tells the drift of the frequency, and whether the object is still the same. Central
    lines measured on purpose, with the counters of one that has come, are no part of the image
    and go no further. Each kind of warning is given once, the sum at the end.
    """

    accepts: ClassVar = (ScanHeader, ChannelTransform, Acquisitions, Waveform)
    only_watches: ClassVar = True

    snr: float = Field(default=1.0, ge=0, description="warn of a smaller mean signal over noise")
    drift_hz: float = Field(default=5.0, gt=0, description="warn of a larger change [Hz]")
    difference: float = Field(
        default=0.1, gt=0, description="warn where central lines differ by more than this part"
    )

    _quality: LineQuality | None = PrivateAttr(default=None)
    _waveforms: Counter[int] = PrivateAttr(default_factory=Counter)

    def feed(
        self, item: ScanHeader | ChannelTransform | Acquisitions | Waveform
    ) -> Iterator[object]:
        """Look at the item, say what is to be said, pass it on."""
        match item:
            case ScanHeader():
                limits = Limits(self.snr, self.drift_hz, self.difference)
                self._quality = LineQuality(item.protocol, limits)
            case ChannelTransform() if self._quality is not None:
                self._quality.owe(item)
            case Waveform():
                self._waveforms[int(item.header["waveform_id"])] += 1
            case Acquisitions() if self._quality is not None:
                yield from self._quality.look(item)
                item = self._quality.of_image(item)
        yield item

    def finish(self) -> Iterator[object]:
        """Sum up: signal, drift, differences, missing lines, physiology."""
        parts = [] if self._quality is None else [*self._quality.summary()]
        parts += [f"waveforms of kind {n}: {count}" for n, count in sorted(self._waveforms.items())]
        if parts:
            yield Notice(Level.INFO, "; ".join(parts))
