"""Navigators between the lines tell how the field moves; lines go on without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.navigator import navigator_phase, phase_at, turned_back
from streamrecon.stream.gadget import Gadget
from streamrecon.units import s_from_ms


class _Track:
    """Navigators of one slice or slab so far."""

    def __init__(self, first: NDArray[np.complex64]) -> None:
        self.reference = first.copy()
        self.times: list[float] = []
        self.phase_rad: list[float] = []

    def add(self, lines: Acquisitions, times: NDArray[np.float64]) -> None:
        before = self.phase_rad[-1] if self.phase_rad else 0.0
        self.phase_rad += navigator_phase(lines.data, self.reference, before).tolist()
        self.times += times.tolist()


class CorrectNavigators(Gadget[ScanHeader | Acquisitions]):
    """Takes navigators out, and from the lines the uniform field that they saw.

    The field at a line's excitation is that between the navigators before and after it, so lines
    wait for the next navigator of the scan: one TR. Its phase grows with the echo time. Scans
    without navigators pass untouched. Navigators must be lines without phase encoding, read at the
    echo time that their contrast counter names, unless ``te_ms`` says otherwise.
    """

    accepts: ClassVar = (ScanHeader, Acquisitions)

    correct: bool = Field(default=True, description="take the field's phase off the lines")
    te_ms: float | None = Field(
        default=None, gt=0, description="echo time of the navigators [ms]; else their contrast's"
    )

    _te_s: tuple[float, ...] = PrivateAttr(default=())
    _first_echo: int = PrivateAttr(default=0)
    _tracks: dict[int, _Track] = PrivateAttr(default_factory=dict)
    _waiting: list[Acquisitions] = PrivateAttr(default_factory=list)
    _navigator_te_s: float = PrivateAttr(default=0.0)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Learn echo times; take navigators out; let lines wait for the next one."""
        if isinstance(item, ScanHeader):
            protocol = item.protocol
            self._te_s = protocol.echoes.te_s
            self._first_echo = protocol.encoding.contrast.minimum
            yield item
            return
        navigates = (item.header["flags"] & np.uint64(layout.NAVIGATION)) != 0
        if not self._tracks and not navigates.any():
            yield item
            return
        last = int(np.flatnonzero(navigates)[-1]) + 1 if navigates.any() else 0
        self._follow(item.select(navigates))
        self._wait(item.select(slice(0, last)).select(~navigates[:last]))
        if last:
            yield from self._release()
        self._wait(item.select(slice(last, None)))

    def finish(self) -> Iterator[object]:
        """Release what waits for a navigator that never came; say what the field did."""
        yield from self._release()
        if self._tracks:
            yield self._summary()

    def _follow(self, navigators: Acquisitions) -> None:
        if len(navigators) and not self._navigator_te_s:
            known = self._times_of_echoes(navigators)[0] if self._te_s else 0.0
            self._navigator_te_s = known if self.te_ms is None else s_from_ms(self.te_ms)
        for number in np.unique(navigators.header["idx"]["slice"]).tolist():
            of_slice = navigators.select(navigators.header["idx"]["slice"] == number)
            track = self._tracks.setdefault(number, _Track(of_slice.data[0]))
            track.add(of_slice, _times(of_slice))

    def _wait(self, lines: Acquisitions) -> None:
        if len(lines):
            self._waiting.append(lines)

    def _release(self) -> Iterator[Acquisitions]:
        for lines in self._waiting:
            yield self._corrected(lines) if self.correct and self._navigator_te_s else lines
        self._waiting.clear()

    def _corrected(self, lines: Acquisitions) -> Acquisitions:
        phase = np.zeros(len(lines))
        numbers, times = lines.header["idx"]["slice"], _times(lines)
        for number, track in self._tracks.items():
            own = numbers == number
            phase[own] = phase_at(times[own], np.array(track.times), np.array(track.phase_rad))
        share = self._times_of_echoes(lines) / self._navigator_te_s
        return Acquisitions(lines.header, turned_back(lines.data, phase * share), lines.trajectory)

    def _times_of_echoes(self, lines: Acquisitions) -> NDArray[np.float64]:
        echo = lines.header["idx"]["contrast"].astype(np.intp) - self._first_echo
        return np.array(self._te_s)[np.minimum(echo, len(self._te_s) - 1)]

    def _summary(self) -> Notice:
        phase = np.concatenate([track.phase_rad for track in self._tracks.values()])
        if not self._navigator_te_s:
            text = f"navigators: {len(phase)}, not used: their echo time is not known"
            return Notice(Level.WARNING, text)
        field_hz = phase / (2 * np.pi * self._navigator_te_s)
        done = "corrected" if self.correct else "not corrected"
        moved = f"{field_hz.min():+.2f} to {field_hz.max():+.2f} Hz of the first, {done}"
        return Notice(Level.INFO, f"navigators: {len(phase)}, field {moved}")


def _times(lines: Acquisitions) -> NDArray[np.float64]:
    """When lines were measured: by their stamps, else by their number."""
    stamps = lines.header["acquisition_time_stamp"]
    return np.asarray(stamps if stamps.any() else lines.header["scan_counter"], np.float64)
