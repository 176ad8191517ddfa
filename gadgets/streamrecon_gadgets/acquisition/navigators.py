"""Navigators between the lines tell how the field moves; lines go on without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

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

_NEVER = np.iinfo(np.intp).max


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


class _Ends(NamedTuple):
    """Navigators among some lines: their places, their slices, and slices that had one before."""

    places: NDArray[np.intp]
    slices: NDArray[np.integer]
    known: set[int]

    def of(self, lines: Acquisitions, came: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where lines leave: at their slice's next navigator, or as they came before its first."""
        numbers, leave = lines.header["idx"]["slice"], came.copy()
        for number in np.unique(numbers).tolist():
            own, places = numbers == number, self.places[self.slices == number]
            after = np.searchsorted(places, came[own])
            waits = (after > 0) | (number in self.known)
            leave[own] = np.where(waits, np.append(places, _NEVER)[after], came[own])
        return leave


def _in_order(leave: Sequence[NDArray[np.intp]]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Runs and which of their lines leave, in the order of the places where they do."""
    runs = np.repeat(np.arange(len(leave)), [len(each) for each in leave])
    lines = np.concatenate([np.arange(len(each)) for each in leave])
    when = np.concatenate(leave)
    order = np.argsort(when, kind="stable")
    order = order[when[order] < _NEVER]
    for group in np.split(order, np.flatnonzero(np.diff(runs[order])) + 1):
        if len(group):
            yield int(runs[group[0]]), lines[group]


class CorrectNavigators(Gadget[ScanHeader | Acquisitions]):
    """Takes navigators out, and from the lines the uniform field that they saw.

    The field at a line's excitation is that between the navigators of its slice before and after
    it, so lines wait for the next navigator of their slice: one TR. Its phase grows with the echo
    time. Lines before the first navigator of their slice pass untouched, and so do scans without
    navigators. Navigators must be lines without phase encoding, read at the echo time that their
    contrast counter names, unless ``te_ms`` says otherwise.
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
    _by_stamps: bool = PrivateAttr(default=False)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Learn echo times; take navigators out; let lines wait for the next one of their slice."""
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
        known = set(self._tracks)
        self._follow(item.select(navigates))
        yield from self._release(item, navigates, known)

    def finish(self) -> Iterator[object]:
        """Release what waits for a navigator that never came; say what the field did."""
        for lines in self._waiting:
            yield self._corrected(lines, np.ones(len(lines), bool))
        if self._tracks:
            yield self._summary()

    def _follow(self, navigators: Acquisitions) -> None:
        if len(navigators) and not self._tracks:
            known = self._times_of_echoes(navigators)[0] if self._te_s else 0.0
            self._navigator_te_s = known if self.te_ms is None else s_from_ms(self.te_ms)
            self._by_stamps = bool(navigators.header["acquisition_time_stamp"][0])
        for number in np.unique(navigators.header["idx"]["slice"]).tolist():
            of_slice = navigators.select(navigators.header["idx"]["slice"] == number)
            track = self._tracks.setdefault(number, _Track(of_slice.data[0]))
            track.add(of_slice, self._times(of_slice))

    def _release(
        self, item: Acquisitions, navigates: NDArray[np.bool_], known: set[int]
    ) -> Iterator[Acquisitions]:
        """Lines in the order in which navigators let them go; ``known`` slices had one before."""
        places = np.flatnonzero(navigates)
        ends = _Ends(places, item.header["idx"]["slice"][places], known)
        runs = [*self._waiting, item.select(~navigates)]
        came = [*(np.full(len(run), -1) for run in self._waiting), np.flatnonzero(~navigates)]
        leave = [ends.of(run, at) for run, at in zip(runs, came, strict=True)]
        corrected = [at != then for at, then in zip(came, leave, strict=True)]
        for run, which in _in_order(leave):
            yield self._corrected(runs[run].select(which), corrected[run][which])
        stays = [run.select(then == _NEVER) for run, then in zip(runs, leave, strict=True)]
        self._waiting[:] = [run for run in stays if len(run)]

    def _corrected(self, lines: Acquisitions, which: NDArray[np.bool_]) -> Acquisitions:
        """Lines, of which some lose the phase of their time."""
        if not (self.correct and self._navigator_te_s and which.any()):
            return lines
        phase = np.zeros(len(lines))
        numbers, times = lines.header["idx"]["slice"], self._times(lines)
        for number in np.unique(numbers[which]).tolist():
            own, track = which & (numbers == number), self._tracks[number]
            phase[own] = phase_at(times[own], np.array(track.times), np.array(track.phase_rad))
        phase *= self._times_of_echoes(lines) / self._navigator_te_s
        data = lines.data.copy()
        data[which] = turned_back(lines.data[which], phase[which])
        return Acquisitions(lines.header, data, lines.trajectory)

    def _times_of_echoes(self, lines: Acquisitions) -> NDArray[np.float64]:
        echo = lines.header["idx"]["contrast"].astype(np.intp) - self._first_echo
        return np.array(self._te_s)[np.minimum(echo, len(self._te_s) - 1)]

    def _times(self, lines: Acquisitions) -> NDArray[np.float64]:
        """When lines were measured: by their number where the first navigator has no stamp."""
        name = "acquisition_time_stamp" if self._by_stamps else "scan_counter"
        return np.asarray(lines.header[name], np.float64)

    def _summary(self) -> Notice:
        phase = np.concatenate([track.phase_rad for track in self._tracks.values()])
        if not self._navigator_te_s:
            text = f"navigators: {len(phase)}, not used: their echo time is not known"
            return Notice(Level.WARNING, text)
        field_hz = phase / (2 * np.pi * self._navigator_te_s)
        done = "corrected" if self.correct else "not corrected"
        moved = f"{field_hz.min():+.2f} to {field_hz.max():+.2f} Hz of the first, {done}"
        return Notice(Level.INFO, f"navigators: {len(phase)}, field {moved}")
