"""Lines on their way to the grid: counted, admitted, whitened, corrected, watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from streamrecon.acquisition.line_admission import (
    Fault,
    Found,
    LineAdmission,
    begin_at_centre,
    centred,
)
from streamrecon.acquisition.line_quality import Limits, LineQuality
from streamrecon.acquisition.navigator_field import NavigatorField
from streamrecon.acquisition.noise_lines import imaging
from streamrecon.acquisition.scan_memory import check_fits, in_gib, needed_bytes, scan_size
from streamrecon.acquisition.whitening import Whitening
from streamrecon.errors import DataError, HeaderError
from streamrecon.machine.memory import available_bytes
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.memory_use import ScanSize
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions, Waveform
from streamrecon.stream.gadget import Gadget
from streamrecon.units import s_from_ms

_ANY_SCAN = ScanSize(1, 1, 1, 1)


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
        check_fits(needed, limit, f"a scan of {shape}, {size.n_padded} with room around them,")
        text = f"memory: about {in_gib(needed)} of {in_gib(limit)} for {shape}"
        yield Notice(Level.INFO, text)


class AdmitLines(Gadget[ScanHeader | Acquisitions]):
    """Looks at every line of a scan that is put on a grid; goes ahead of its chain, named by none.

    A line that does not fit ends the scan where incomplete ones fail, after those before it, and is
    missing where they are reconstructed. Lines of an encoding space with another grid are passed
    over: the header has them, and its first encoding is what is reconstructed.
    """

    accepts: ClassVar = (ScanHeader, Acquisitions)

    incomplete: Literal["fail", "reconstruct"] | None = Field(
        default=None, description="of the gadget that assembles; without one all lines pass"
    )

    _admission: LineAdmission | None = PrivateAttr(default=None)
    _n_x: int = PrivateAttr(default=0)
    _n_centred: int = PrivateAttr(default=0)
    _has_half: bool = PrivateAttr(default=False)
    _omitted: Counter[Fault] = PrivateAttr(default_factory=Counter)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Let lines pass that fit; refuse the others, or say what is wrong with them."""
        if isinstance(item, ScanHeader):
            if self.incomplete is not None:
                self._n_x = item.protocol.encoding.encoded_shape[2]
                self._admission = LineAdmission(item.spaces, self._n_x)
            yield item
        elif self._admission is None:
            yield item
        else:
            item = yield from self._centred(item)
            lines, found = self._admission.sort(item)
            refused = [each for each in found if self._refuses(each.fault)]
            if refused:
                first = min(refused, key=lambda each: each.first)
                lines, found = self._admission.sort(item.select(slice(first.first)))
            yield from self._leave_out(found)
            if len(lines):
                yield lines
            if refused:
                raise DataError(
                    f"line: found {first.text}; with incomplete=reconstruct the scan goes on"
                    " without it"
                )

    def _centred(self, item: Acquisitions) -> Generator[Notice, None, Acquisitions]:
        lines, count = centred(item, self._n_x)
        if count and not self._n_centred:
            yield Notice(Level.WARNING, "lines: found center_sample 0, taken as their middle")
        self._n_centred += count
        if not self._has_half and begin_at_centre(lines, self._n_x):
            self._has_half = True
            yield Notice(Level.WARNING, "lines: found center_sample 0, taken as half echoes")
        return lines

    def finish(self) -> Iterator[Notice]:
        """Sum up what was left out."""
        for fault, count in self._omitted.items():
            yield Notice(_level(fault), f"{count} lines left out: {fault.value}")

    def _refuses(self, fault: Fault) -> bool:
        return self.incomplete == "fail" and fault is not Fault.OTHER_SPACE

    def _leave_out(self, found: list[Found]) -> Iterator[Notice]:
        for fault, text, count, _ in found:
            if fault not in self._omitted:
                yield Notice(_level(fault), f"line left out: found {text}")
            self._omitted[fault] += count


def _level(fault: Fault) -> Level:
    return Level.INFO if fault is Fault.OTHER_SPACE else Level.WARNING


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

    _field: NavigatorField | None = PrivateAttr(default=None)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Learn echo times; take navigators out; let lines wait for the next one."""
        if isinstance(item, ScanHeader):
            te_s = None if self.te_ms is None else s_from_ms(self.te_ms)
            self._field = NavigatorField(item.protocol, te_s=te_s, correct=self.correct)
            yield item
        elif self._field is None:
            raise HeaderError("lines came before a header")
        else:
            yield from self._field.take(item)

    def finish(self) -> Iterator[object]:
        """Release what waits for a navigator that never came; say what the field did."""
        if self._field is not None:
            yield from self._field.finish()


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
