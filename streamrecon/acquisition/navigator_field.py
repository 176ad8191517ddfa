"""Takes navigators out of the lines, and from the others the uniform field that they saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.navigator import navigator_phase, phase_at, turned_back

_NEVER = np.iinfo(np.intp).max


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


class NavigatorField:
    """Keeps lines until the next navigator of their slice, then lets them go without its field.

    The field at a line's excitation is that between the navigators of its slice before and after
    it. Its phase grows with the echo time. Lines before the first navigator of their slice pass
    untouched.

    Parameters
    ----------
    protocol
        Of the scan: its echo times.
    te_s
        Echo time of the navigators [s]; ``None``: that of their contrast.
    correct
        Whether the phase is taken off.
    """

    def __init__(self, protocol: ScanProtocol, *, te_s: float | None, correct: bool) -> None:
        self._te_s = protocol.echoes.te_s
        self._first_echo = protocol.encoding.contrast.minimum
        self._navigator_te_s = te_s or 0.0  # 0: not known yet
        self._correct = correct
        self._tracks: dict[int, _Track] = {}
        self._waiting: list[Acquisitions] = []
        self._by_stamps = False

    def take(self, lines: Acquisitions) -> Iterator[Acquisitions]:
        """Take navigators out; let go what waited for them, and keep what waits for the next."""
        navigates = (lines.header["flags"] & np.uint64(layout.NAVIGATION)) != 0
        if not self._tracks and not navigates.any():
            yield lines
            return
        known = set(self._tracks)
        self._follow(lines.select(navigates))
        yield from self._release(lines, navigates, known)

    def finish(self) -> Iterator[Acquisitions | Notice]:
        """Let go what waits for a navigator that never came; say what the field did."""
        for lines in self._waiting:
            yield self._corrected(lines, np.ones(len(lines), bool))
        self._waiting.clear()
        if self._tracks:
            yield self._summary()

    def _follow(self, navigators: Acquisitions) -> None:
        if len(navigators) and not self._navigator_te_s and self._te_s:
            self._navigator_te_s = float(self._times_of_echoes(navigators)[0])
        if len(navigators) and not self._tracks:
            self._by_stamps = bool(navigators.header["acquisition_time_stamp"][0])
        for number in np.unique(navigators.header["idx"]["slice"]).tolist():
            of_slice = navigators.select(navigators.header["idx"]["slice"] == number)
            track = self._tracks.setdefault(number, _Track(of_slice.data[0]))
            track.add(of_slice, self._times(of_slice))

    def _release(
        self, lines: Acquisitions, navigates: NDArray[np.bool_], known: set[int]
    ) -> Iterator[Acquisitions]:
        """Lines in the order in which navigators let them go; ``known`` slices had one before."""
        places = np.flatnonzero(navigates)
        ends = _Ends(places, lines.header["idx"]["slice"][places], known)
        runs = [*self._waiting, lines.select(~navigates)]
        came = [*(np.full(len(run), -1) for run in self._waiting), np.flatnonzero(~navigates)]
        leave = [ends.of(run, at) for run, at in zip(runs, came, strict=True)]
        corrected = [at != then for at, then in zip(came, leave, strict=True)]
        for run, which in _in_order(leave):
            yield self._corrected(runs[run].select(which), corrected[run][which])
        stays = [run.select(then == _NEVER) for run, then in zip(runs, leave, strict=True)]
        self._waiting[:] = [run for run in stays if len(run)]

    def _corrected(self, lines: Acquisitions, which: NDArray[np.bool_]) -> Acquisitions:
        """Lines, of which some lose the phase of their time."""
        if not (self._correct and self._navigator_te_s and self._te_s and which.any()):
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
        return np.array(self._te_s)[np.clip(echo, 0, len(self._te_s) - 1)]

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
        done = "corrected" if self._correct else "not corrected"
        moved = f"{field_hz.min():+.2f} to {field_hz.max():+.2f} Hz of the first, {done}"
        return Notice(Level.INFO, f"navigators: {len(phase)}, field {moved}")


class _Track:
    """Navigators of one slice or slab so far."""

    def __init__(self, first: NDArray[np.complex64]) -> None:
        self.reference = first.copy()
        self.times: list[float] = []
        self.phase_rad: list[float] = []

    def add(self, lines: Acquisitions, times: NDArray[np.float64]) -> None:
        if lines.data.shape[1:] != self.reference.shape:
            raise DataError(
                f"navigator: found {lines.data.shape[2]} samples of {lines.data.shape[1]} channels,"
                f" needed {self.reference.shape[1]} of {self.reference.shape[0]} as in the first"
            )
        before = self.phase_rad[-1] if self.phase_rad else 0.0
        self.phase_rad += navigator_phase(lines.data, self.reference, before).tolist()
        self.times += times.tolist()
