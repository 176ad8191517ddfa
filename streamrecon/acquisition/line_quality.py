"""What lines say of a scan while there is time to repeat it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.scan_quality import Change, EchoOrder, change, mean_signal

Place = tuple[int, int]  # echo, slice

_WHICH = ("contrast", "slice", "average", "repetition", "set", "phase")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is worth a warning.

    Parameters
    ----------
    snr
        Smaller mean signal over noise.
    drift_hz
        Larger change of the frequency [Hz].
    difference
        Larger part by which central lines differ.
    """

    snr: float
    drift_hz: float
    difference: float


class LineQuality:
    """Looks at central lines: signal, drift of the frequency, whether the object is the same.

    Central lines that are measured on purpose, with the counters of one that has come, are no part
    of the image. Each kind of warning is given once.

    Parameters
    ----------
    protocol
        Of the scan.
    limits
        What is worth a warning.
    """

    def __init__(self, protocol: ScanProtocol, limits: Limits) -> None:
        self._protocol = protocol
        self._limits = limits
        self._mix: ChannelTransform | None = None
        self._order = EchoOrder(len(protocol.echoes))
        self._first: dict[Place, NDArray[np.complex64]] = {}
        self._changes: list[Change] = []
        self._drifts_hz: list[float] = []
        self._seen: set[tuple[int, ...]] = set()
        self._counts_for_image = np.ones(0, np.bool_)
        self._missing = 0
        self._warned: set[str] = set()

    def owe(self, mix: ChannelTransform) -> None:
        """Learn what is owed to the channels of the lines that follow."""
        self._mix = mix

    def of_image(self, lines: Acquisitions) -> Acquisitions:
        """Those of the lines looked at last that are part of the image."""
        return lines.select(self._counts_for_image)

    def look(self, lines: Acquisitions) -> Iterator[Notice]:
        """Look at the next lines of the scan, and say what is to be said of them."""
        protocol = self._protocol
        images = (lines.header["flags"] & np.uint64(layout.NOT_IMAGING)) == 0
        idx = lines.header["idx"]
        limits = protocol.encoding
        echoes = idx["contrast"][images] - limits.contrast.minimum
        yield from self._count_missing(echoes)
        central = images & (idx["kspace_encode_step_1"] == limits.ky.centre)
        central &= (idx["kspace_encode_step_2"] == limits.kz.centre) | (limits.encoded_shape[0] < 2)
        central[images] &= echoes < len(protocol.echoes)
        self._counts_for_image = np.ones(len(lines), bool)
        for number in np.flatnonzero(central).tolist():
            counters = idx[list(_WHICH)][number].tolist()
            self._counts_for_image[number] = counters not in self._seen
            self._seen.add(counters)
            yield from self._look_at_centre(lines.select(slice(number, number + 1)), protocol)

    def _count_missing(self, echoes: NDArray[np.integer]) -> Iterator[Notice]:
        found = self._order.missing(echoes)
        self._missing += found
        if found:
            yield from self._warn("missing", "lines are missing")

    def _look_at_centre(self, line: Acquisitions, protocol: ScanProtocol) -> Iterator[Notice]:
        echo = int(line.header["idx"]["contrast"][0]) - protocol.encoding.contrast.minimum
        place = echo, int(line.header["idx"]["slice"][0])
        n_channels, needed = line.data.shape[1], self._needed_channels
        if needed not in {None, n_channels}:
            text = f"lines of {n_channels} channels among lines of {needed} are not looked at"
            yield from self._warn("channels", text)
            return
        data = line.data[0] if self._mix is None else self._mix.matrix @ line.data[0]
        if line.header["center_sample"][0] >= data.shape[1]:
            return  # no centre to look at; who places lines answers for it
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
    def _needed_channels(self) -> int | None:
        return None if self._mix is None else self._mix.matrix.shape[1]

    @property
    def _is_white(self) -> bool:
        """Whether the noise of the lines is known."""
        return self._mix is not None and self._mix.is_white

    def _judge_signal(
        self, data: NDArray[np.complex64], line: Acquisitions, protocol: ScanProtocol
    ) -> Iterator[Notice]:
        encoding = protocol.encoding
        signal = mean_signal(
            data, int(line.header["center_sample"][0]), int(np.prod(encoding.encoded_shape))
        )
        text = f"signal at the first echo, mean of the field of view: {signal:.1f} times the noise"
        if signal < self._limits.snr:
            yield from self._warn("signal", text)
        elif "signal told" not in self._warned:
            self._warned.add("signal told")
            yield Notice(Level.INFO, text)

    def _judge_change(self, found: Change, echo: int, protocol: ScanProtocol) -> Iterator[Notice]:
        self._changes.append(found)
        if found.difference > self._limits.difference:
            part = f"{100 * found.difference:.0f} %"
            yield from self._warn("moved", f"central lines differ by {part}: has the object moved?")
        if not protocol.echoes.te_s:
            return
        drift_hz = found.turn_rad / (2 * np.pi * protocol.echoes.te_s[echo])
        self._drifts_hz.append(drift_hz)
        if abs(drift_hz) > self._limits.drift_hz:
            yield from self._warn("drift", f"the frequency has changed by {abs(drift_hz):.1f} Hz")

    def _warn(self, kind: str, text: str) -> Iterator[Notice]:
        if kind not in self._warned:
            self._warned.add(kind)
            yield Notice(Level.WARNING, f"quality: {text}")

    def summary(self) -> Iterator[str]:
        """Signal, drift, differences and missing lines of the scan so far."""
        if self._changes:
            worst = 100 * max(each.difference for each in self._changes)
            yield f"central lines measured again: {len(self._changes)}, differing by {worst:.1f} %"
        if self._drifts_hz:
            yield f"frequency drift up to {max(map(abs, self._drifts_hz)):.2f} Hz"
        if self._missing:
            yield f"missing lines: at least {self._missing}"
