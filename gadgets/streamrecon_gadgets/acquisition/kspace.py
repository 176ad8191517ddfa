"""Imaging lines become k-space volumes while they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from streamrecon.acquisition.open_volume import OpenVolume, readout_of
from streamrecon.acquisition.scan_memory import (
    check_room_for_volume,
    grid_bytes,
    resident_bytes,
)
from streamrecon.errors import DataError, HeaderError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol, SignOrigin, of_slab
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.recon.kspace.readout import ReadoutTransform
from streamrecon.stream.gadget import Gadget
from streamrecon.units import MIB

_VOLUME = ("repetition", "set", "phase")  # the counters that part volumes, slowest first
_CALIBRATES_ONLY = np.uint64(layout.PARALLEL_CALIBRATION)
_ENDS = np.uint64(layout.LAST_IN_REPETITION | layout.LAST_IN_MEASUREMENT)


class AssembleKSpace(Gadget[ScanHeader | ChannelTransform | Acquisitions]):
    """Puts lines on the grid, transformed along X and one phase axis as they come.

    Removes oversampling along every axis, turns reversed readouts, places asymmetric echoes, fills
    with zeros to the wanted matrix, and averages. A volume leaves when its last line is in. Lines
    that an accelerated scan leaves out stay zero; its calibration goes ahead of the volume. Each
    slab is a volume of its own, in its own place.
    """

    accepts: ClassVar = (ScanHeader, ChannelTransform, Acquisitions)
    memory: ClassVar = MemoryUse(grids=1.1, fixed_bytes=2 * MIB)
    of_scan: ClassVar = ("phase_sign", "incomplete")
    stock_names: ClassVar = ("AcquisitionAccumulateTriggerGadget",)

    phase_sign: Literal[-1, 1] | None = Field(
        default=None, description="sign of the scanner's phase; the header's where not given"
    )
    incomplete: Literal["fail", "reconstruct"] = Field(
        default="fail", description="what to do with a volume that lacks lines"
    )

    _protocol: ScanProtocol | None = PrivateAttr(default=None)
    _before: int = PrivateAttr(default_factory=resident_bytes)
    _mix: ChannelTransform | None = PrivateAttr(default=None)
    _readout: ReadoutTransform | None = PrivateAttr(default=None)
    _open: dict[tuple[int, ...], OpenVolume] = PrivateAttr(default_factory=dict)
    _closed: set[tuple[int, ...]] = PrivateAttr(default_factory=set)

    def feed(self, item: ScanHeader | ChannelTransform | Acquisitions) -> Iterator[object]:
        """Learn from headers and mixes; put lines on their places."""
        match item:
            case ScanHeader():
                self._protocol = item.protocol
                yield from (Notice(Level.WARNING, text) for text in item.protocol.corrections)
                yield _sign_notice(self._protocol)
                yield item
            case ChannelTransform():
                self._mix, self._readout = item, None
            case Acquisitions():
                yield from self._place(item)

    def finish(self) -> Iterator[object]:
        """Give the volumes that are not complete, or refuse them, naming what they lack."""
        yield from self._close_what_suffices()
        for key in sorted(self._open):
            missing = self._open[key].missing()
            if self.incomplete == "fail":
                raise DataError(f"volume {self._number(key)}: missing {missing}")
            text = f"volume {self._number(key)}: reconstructed without {missing}"
            yield Notice(Level.WARNING, text)
            yield from self._close(key, (text,))

    def _place(self, lines: Acquisitions) -> Iterator[object]:
        lines = self._wanted(lines)
        if not len(lines):
            return
        for key, these in self._by_volume(lines):
            yield from self._add(key, these)

    def _by_volume(self, lines: Acquisitions) -> Iterator[tuple[tuple[int, ...], Acquisitions]]:
        """Lines of one volume at a time; in the order of time where a volume may begin or end."""
        keys = np.stack([lines.header["idx"][name] for name in self._counters()], axis=1)
        if (keys == keys[0]).all():
            yield tuple(keys[0].tolist()), lines
            return
        found, which, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        groups = [np.flatnonzero(which.ravel() == number) for number in range(len(found))]
        ends = (lines.header["flags"] & _ENDS).any()
        if ends or any(
            key not in self._open or self._open[key].n_undecided < count
            for key, count in zip(map(tuple, found.tolist()), counts.tolist(), strict=True)
        ):
            changes = np.flatnonzero(np.diff(which.ravel())) + 1
            groups = np.split(np.arange(len(lines)), changes)
        for group in groups:
            run = slice(int(group[0]), int(group[-1]) + 1)
            alone = run.stop - run.start == len(group)
            yield tuple(keys[group[0]].tolist()), lines.select(run if alone else group)

    def _add(self, key: tuple[int, ...], lines: Acquisitions) -> Iterator[object]:
        """Lines of one volume; it leaves with the one that completes it."""
        while len(lines):
            if key in self._closed:
                self._refuse_more(key, lines)
                return
            if key not in self._open:
                yield from self._close_what_suffices()
                self._open[key] = self._new_volume(lines)
            volume = self._open[key]
            ends = np.flatnonzero(lines.header["flags"] & _ENDS)
            stop = int(ends[0]) + 1 if len(ends) else len(lines)
            taken = volume.add(lines.select(slice(stop)))
            yield from volume.take_calibration()
            if volume.complete or (len(ends) and volume.sufficient):
                yield from self._close(key)
            lines = lines.select(slice(taken, None))

    def _refuse_more(self, key: tuple[int, ...], lines: Acquisitions) -> None:
        """Lines of a volume that has left may calibrate the next one, and nothing else."""
        images = (lines.header["flags"] & _CALIBRATES_ONLY) == 0
        if images.any():
            idx = lines.header["idx"][images][0]
            raise DataError(
                f"line: echo {idx['contrast']}, ky {idx['kspace_encode_step_1']}, kz "
                f"{idx['kspace_encode_step_2']}, slice {idx['slice']} came after its volume "
                f"{self._number(key)} was complete"
            )

    def _wanted(self, lines: Acquisitions) -> Acquisitions:
        """Lines of the image, and of an accelerated scan those that calibrate it."""
        passing = layout.NOT_IMAGING
        if self._protocol is not None and max(self._protocol.encoding.acceleration) > 1:
            passing &= ~layout.PARALLEL_CALIBRATION
        return lines.select((lines.header["flags"] & np.uint64(passing)) == 0)

    def _close(self, key: tuple[int, ...], comments: tuple[str, ...] = ()) -> Iterator[object]:
        self._closed.add(key)
        yield self._open.pop(key).finish(self._number(key), comments)

    def _close_what_suffices(self) -> Iterator[object]:
        """Give volumes that a later one shows to be over: those of elliptical scans."""
        for key in [key for key, volume in self._open.items() if volume.sufficient]:
            yield from self._close(key)

    def _new_volume(self, lines: Acquisitions) -> OpenVolume:
        if self._protocol is None:
            raise HeaderError("lines came before a header")
        protocol = self._protocol
        if protocol.encoding.has_slabs:
            protocol = of_slab(protocol, int(lines.header["idx"]["slice"][0]))
        grid = grid_of(protocol.encoding)
        if self._readout is None:
            self._readout = readout_of(grid, lines.data.shape[1], self._mix)
        n_channels = self._readout.n_channels
        volume = grid_bytes(grid, n_echoes=len(protocol.echoes), n_channels=n_channels)
        check_room_for_volume(self._before, len(self._open), volume, self.context.memory_bytes)
        is_white = self._mix is not None and self._mix.is_white
        return OpenVolume(protocol, grid, self._readout, is_white=is_white)

    def _counters(self) -> tuple[str, ...]:
        """Counters that part volumes, slowest first; of several slabs each is one."""
        slabs = self._protocol is not None and self._protocol.encoding.has_slabs
        return (*_VOLUME, "slice") if slabs else _VOLUME

    def _number(self, key: tuple[int, ...]) -> int:
        """Number of a volume from its counters, mixed radix."""
        if self._protocol is None:
            return 0
        sizes = [len(getattr(self._protocol.encoding, name)) for name in self._counters()]
        return int(np.ravel_multi_index(key, sizes, mode="clip"))


def _sign_notice(protocol: ScanProtocol) -> Notice:
    assumed = protocol.phase_sign.origin is SignOrigin.ASSUMED
    level = Level.WARNING if assumed else Level.INFO
    return Notice(level, f"phase sign {protocol.phase_sign}")
