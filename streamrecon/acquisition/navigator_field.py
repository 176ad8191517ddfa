"""Takes navigators out of the lines, and from the others the uniform field that they saw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.navigator import navigator_phase, phase_at, turned_back


class NavigatorField:
    """Keeps lines until the next navigator of the scan, then lets them go without its field.

    The field at a line's excitation is that between the navigators before and after it. Its phase
    grows with the echo time.

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

    def take(self, lines: Acquisitions) -> Iterator[Acquisitions]:
        """Take navigators out; let go what waited for them, and keep what came behind the last."""
        navigates = (lines.header["flags"] & np.uint64(layout.NAVIGATION)) != 0
        if not self._tracks and not navigates.any():
            yield lines
            return
        last = int(np.flatnonzero(navigates)[-1]) + 1 if navigates.any() else 0
        self._follow(lines.select(navigates))
        self._wait(lines.select(slice(0, last)).select(~navigates[:last]))
        if last:
            yield from self._release()
        self._wait(lines.select(slice(last, None)))

    def finish(self) -> Iterator[Acquisitions | Notice]:
        """Let go what waits for a navigator that never came; say what the field did."""
        yield from self._release()
        if self._tracks:
            yield self._summary()

    def _follow(self, navigators: Acquisitions) -> None:
        if len(navigators) and not self._navigator_te_s and self._te_s:
            self._navigator_te_s = float(self._times_of_echoes(navigators)[0])
        for number in np.unique(navigators.header["idx"]["slice"]).tolist():
            of_slice = navigators.select(navigators.header["idx"]["slice"] == number)
            track = self._tracks.setdefault(number, _Track(of_slice.data[0]))
            track.add(of_slice, _times(of_slice))

    def _wait(self, lines: Acquisitions) -> None:
        if len(lines):
            self._waiting.append(lines)

    def _release(self) -> Iterator[Acquisitions]:
        for lines in self._waiting:
            yield self._corrected(lines) if self._correct and self._navigator_te_s else lines
        self._waiting.clear()

    def _corrected(self, lines: Acquisitions) -> Acquisitions:
        phase = np.zeros(len(lines))
        numbers, times = lines.header["idx"]["slice"], _times(lines)
        for number, track in self._tracks.items():
            own = numbers == number
            phase[own] = phase_at(times[own], np.array(track.times), np.array(track.phase_rad))
        ratio = self._times_of_echoes(lines) / self._navigator_te_s
        return Acquisitions(lines.header, turned_back(lines.data, phase * ratio), lines.trajectory)

    def _times_of_echoes(self, lines: Acquisitions) -> NDArray[np.float64]:
        echo = lines.header["idx"]["contrast"].astype(np.intp) - self._first_echo
        return np.array(self._te_s)[np.clip(echo, 0, len(self._te_s) - 1)]

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


def _times(lines: Acquisitions) -> NDArray[np.float64]:
    """When lines were measured: by their stamps, else by their number."""
    stamps = lines.header["acquisition_time_stamp"]
    return np.asarray(stamps if stamps.any() else lines.header["scan_counter"], np.float64)
