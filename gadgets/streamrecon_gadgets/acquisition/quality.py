"""An early warning: what lines say of the scan while there is time to repeat it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions, Waveform
from streamrecon.recon.kspace.scan_quality import Change, EchoOrder, change, mean_signal
from streamrecon.stream.gadget import Gadget

Place = tuple[int, int]  # echo, slice

_WHICH = ("contrast", "slice", "average", "repetition", "set", "phase")


class WatchQuality(Gadget[ScanHeader | ChannelTransform | Acquisitions | Waveform]):
    """Passes lines on, and says while the scan runs what is wrong with it.

    The central line of k-space tells the signal; measured again (averages, repetitions, or on
    purpose) it tells the drift of the frequency, and whether the object is still the same. Central
    lines measured on purpose, with the counters of one that has come, are no part of the image
    and go no further. Each kind of warning is given once, the sum at the end.
    """

    accepts: ClassVar = (ScanHeader, ChannelTransform, Acquisitions, Waveform)

    snr: float = Field(default=1.0, ge=0, description="warn of a smaller mean signal over noise")
    drift_hz: float = Field(default=5.0, gt=0, description="warn of a larger change [Hz]")
    difference: float = Field(
        default=0.1, gt=0, description="warn where central lines differ by more than this part"
    )

    _protocol: ScanProtocol | None = PrivateAttr(default=None)
    _mix: ChannelTransform | None = PrivateAttr(default=None)
    _order: EchoOrder | None = PrivateAttr(default=None)
    _first: dict[Place, NDArray[np.complex64]] = PrivateAttr(default_factory=dict)
    _changes: list[Change] = PrivateAttr(default_factory=list)
    _drifts_hz: list[float] = PrivateAttr(default_factory=list)
    _seen: set[tuple[int, ...]] = PrivateAttr(default_factory=set)
    _counts_for_image: NDArray[np.bool_] = PrivateAttr(default_factory=lambda: np.ones(0, bool))
    _missing: int = PrivateAttr(default=0)
    _waveforms: dict[int, int] = PrivateAttr(default_factory=dict)
    _warned: set[str] = PrivateAttr(default_factory=set)

    def feed(
        self, item: ScanHeader | ChannelTransform | Acquisitions | Waveform
    ) -> Iterator[object]:
        """Look at the item, say what is to be said, pass it on."""
        match item:
            case ScanHeader():
                self._protocol = item.protocol
                self._order = EchoOrder(len(self._protocol.echoes))
            case ChannelTransform():
                self._mix = item
            case Waveform():
                kind = int(item.head["waveform_id"])
                self._waveforms[kind] = self._waveforms.get(kind, 0) + 1
            case Acquisitions() if self._protocol is not None:
                yield from self._look(item, self._protocol)
                item = item.select(self._counts_for_image)
        yield item

    def finish(self) -> Iterator[object]:
        """Sum up: signal, drift, differences, missing lines, physiology."""
        parts = [*self._summary()]
        if parts:
            yield Notice(Level.INFO, "; ".join(parts))

    def _look(self, lines: Acquisitions, protocol: ScanProtocol) -> Iterator[Notice]:
        images = (lines.head["flags"] & np.uint64(layout.NOT_IMAGING)) == 0
        idx = lines.head["idx"]
        limits = protocol.encoding
        echoes = idx["contrast"][images] - limits.contrast.minimum
        yield from self._count_missing(echoes)
        central = images & (idx["kspace_encode_step_1"] == limits.ky.centre)
        central &= (idx["kspace_encode_step_2"] == limits.kz.centre) | (limits.encoded_shape[0] < 2)
        self._counts_for_image = np.ones(len(lines), bool)
        for number in np.flatnonzero(central).tolist():
            counters = idx[list(_WHICH)][number].tolist()
            self._counts_for_image[number] = counters not in self._seen
            self._seen.add(counters)
            yield from self._look_at_centre(lines.select(slice(number, number + 1)), protocol)

    def _count_missing(self, echoes: NDArray[np.integer]) -> Iterator[Notice]:
        found = self._order.missing(echoes) if self._order else 0
        self._missing += found
        if found:
            yield from self._warn("missing", f"lines are missing: {found} of the last ones")

    def _look_at_centre(self, line: Acquisitions, protocol: ScanProtocol) -> Iterator[Notice]:
        echo = int(line.head["idx"]["contrast"][0]) - protocol.encoding.contrast.minimum
        place = echo, int(line.head["idx"]["slice"][0])
        data = line.data[0] if self._mix is None else self._mix.matrix @ line.data[0]
        if place not in self._first:
            self._first[place] = np.array(data)
            if self._is_white and echo == 0:
                yield from self._judge_signal(data, line, protocol)
            return
        deviation = 1.0 if self._is_white else 0.0
        if data.shape == self._first[place].shape:
            found = change(data, self._first[place], deviation=deviation)
            yield from self._judge_change(found, echo, protocol)

    @property
    def _is_white(self) -> bool:
        """Whether the noise of the lines is known."""
        return self._mix is not None and self._mix.is_white

    def _judge_signal(
        self, data: NDArray[np.complex64], line: Acquisitions, protocol: ScanProtocol
    ) -> Iterator[Notice]:
        encoding = protocol.encoding
        signal = mean_signal(
            data, int(line.head["center_sample"][0]), int(np.prod(encoding.encoded_shape))
        )
        text = f"signal at the first echo, mean of the field of view: {signal:.1f} times the noise"
        if signal < self.snr:
            yield from self._warn("signal", text)
        elif "signal told" not in self._warned:
            self._warned.add("signal told")
            yield Notice(Level.INFO, text)

    def _judge_change(self, found: Change, echo: int, protocol: ScanProtocol) -> Iterator[Notice]:
        self._changes.append(found)
        if found.difference > self.difference:
            part = f"{100 * found.difference:.0f} %"
            yield from self._warn("moved", f"central lines differ by {part}: has the object moved?")
        if not protocol.echoes.te_s:
            return
        drift_hz = found.turn_rad / (2 * np.pi * protocol.echoes.te_s[echo])
        self._drifts_hz.append(drift_hz)
        if abs(drift_hz) > self.drift_hz:
            yield from self._warn("drift", f"the frequency has changed by {abs(drift_hz):.1f} Hz")

    def _warn(self, kind: str, text: str) -> Iterator[Notice]:
        if kind not in self._warned:
            self._warned.add(kind)
            yield Notice(Level.WARNING, f"quality: {text}")

    def _summary(self) -> Iterator[str]:
        if self._changes:
            worst = 100 * max(each.difference for each in self._changes)
            yield f"central lines measured again: {len(self._changes)}, differing by {worst:.1f} %"
        if self._drifts_hz:
            yield f"frequency drift up to {max(map(abs, self._drifts_hz)):.2f} Hz"
        if self._missing:
            yield f"missing lines: at least {self._missing}"
        for kind, count in sorted(self._waveforms.items()):
            yield f"waveforms of kind {kind}: {count}"
