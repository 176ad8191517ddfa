"""Coarse images while k-space still fills, so that a wrong slab or a moved head is seen in time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from threading import Event
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.fourier import plan_without_measuring
from streamrecon.maps.phase_mask import target_te_s
from streamrecon.maps.swi import root_sum_squares, swi_from_field
from streamrecon.model.images import Echoes, Volume
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.notice import Level, Notice
from streamrecon.model.quantities import Quantity
from streamrecon.model.scan import Encoding, ScanProtocol
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions, Header
from streamrecon.qsm.pipeline import Quality, invert, local_field
from streamrecon.qsm.total_field import total_field
from streamrecon.recon.kspace.central_kspace import (
    CentralLines,
    CentreTracker,
    coarse_encoding,
    lines_within,
)
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.recon.kspace.readout import ReadoutTransform
from streamrecon.stream.gadget import Gadget
from streamrecon_gadgets.acquisition.combine import CombineCoils
from streamrecon_gadgets.acquisition.volume import OpenVolume

_COUNTERS = ("repetition", "set", "phase")  # a volume's; previews are of the first
_LOWEST = 19  # of the system's priorities: such a thread runs when others wait
_RUNS_JOINED = 64  # a scanner sends line by line, and work by the line takes three times as long


@dataclass(frozen=True, slots=True, eq=False)
class EarlyLines:
    """Lines around the centre of k-space, as soon as a share of it is complete.

    Parameters
    ----------
    lines
        As they came.
    protocol
        That of a scan of these lines alone: coarser, with the same fields of view.
    mix
        Matrix that is owed to their channels, if any; on this grid that is not one along X.
    share
        How much of k-space they are.
    late
        Set when the last line of the volume is in: what is not begun need not be.
    """

    lines: tuple[Acquisitions, ...]
    protocol: ScanProtocol
    mix: NDArray[np.complex64] | None
    share: float
    late: Event


class CollectCentre(Gadget[Header | ChannelTransform | Acquisitions]):
    """Lets lines pass, and gives those of the centre a second time when a share is complete.

    In front of `AssembleKSpace`, behind whitening. It keeps copies of the central lines of the
    first volume, some third of its raw data, until the largest share has gone. An accelerated
    scan has no complete centre and gets no preview.
    """

    accepts: ClassVar = (Header, ChannelTransform, Acquisitions)

    shares: tuple[float, ...] = Field(
        default=(0.25, 0.5), min_length=1, description="shares of k-space, growing"
    )
    resolution_mm: float = Field(default=2.0, gt=0, description="smallest voxel of a preview, mm")
    phase_sign: Literal[-1, 1] | None = Field(
        default=None, description="sign of the scanner's phase; the header's where not given"
    )

    _centre: _Centre | None = PrivateAttr(default=None)
    _mix: NDArray[np.complex64] | None = PrivateAttr(default=None)

    def feed(self, item: Header | ChannelTransform | Acquisitions) -> Iterator[object]:
        """Let everything pass; look at the lines."""
        middle = None
        match item:
            case Header():
                protocol = read_protocol(item.xml, phase_sign=self.phase_sign)
                self._centre = _Centre(protocol, self.shares, self.resolution_mm)
            case ChannelTransform():
                self._mix = item.matrix
            case Acquisitions() if self._centre is not None:
                middle = self._centre.add(item)
        yield item
        if middle is not None and self._centre is not None:
            yield self._centre.early(middle, self._mix)


class _Centre:
    """Copies of the central lines of a scan's first volume."""

    def __init__(
        self, protocol: ScanProtocol, shares: Sequence[float], resolution_mm: float
    ) -> None:
        self._protocol = protocol
        self._grid = grid_of(protocol.encoding)
        self._resolution_mm = resolution_mm
        self._watch = CentreTracker(protocol.encoding, len(protocol.echoes), shares)
        everything = CentralLines(1.0, np.ones((self._grid.z_lines, self._grid.y.n_encoded), bool))
        self._resolved = self._coarse(everything)[1]
        self._kept: list[Acquisitions] = []
        self._loose: list[Acquisitions] = []  # short runs, not joined yet
        self._late = Event()

    def add(self, lines: Acquisitions) -> CentralLines | None:
        """Keep what may be needed; the middle that is complete with these lines, if one is."""
        if self._watch.is_done and self._late.is_set():
            return None
        lines = self._of_first_volume(lines)
        z, y = self._places(lines)
        middle = self._watch.add(z, y)
        if self._watch.has_all:
            self._late.set()
        if middle is not None or not self._watch.is_done:
            wanted = (self._watch.wanted & self._resolved)[z, y]
            self._keep(lines.select(np.flatnonzero(wanted)))
        return middle

    def early(self, middle: CentralLines, mix: NDArray[np.complex64] | None) -> EarlyLines:
        """The lines of a middle; those no longer needed are forgotten."""
        self._join()
        encoding, resolved = self._coarse(middle)
        wanted = middle.lines & resolved
        lines = tuple(kept.select(wanted[self._places(kept)]) for kept in self._kept)
        if self._watch.is_done:
            self._kept.clear()
        protocol = replace(self._protocol, encoding=encoding)
        return EarlyLines(lines, protocol, mix, middle.share, self._late)

    def _keep(self, lines: Acquisitions) -> None:
        if len(lines):
            self._loose.append(lines)
        if len(self._loose) >= _RUNS_JOINED:
            self._join()

    def _join(self) -> None:
        for _, same in groupby(self._loose, key=lambda run: run.data.shape[1:]):
            self._kept.append(_joined(tuple(same)))
        self._loose.clear()

    def _coarse(self, middle: CentralLines) -> tuple[Encoding, NDArray[np.bool_]]:
        """The encoding of a middle, and the lines [Z, Y] of the whole grid that it has."""
        encoding = coarse_encoding(self._protocol.encoding, middle, self._resolution_mm)
        return encoding, lines_within(self._grid, encoding.ky, encoding.kz)

    def _of_first_volume(self, lines: Acquisitions) -> Acquisitions:
        idx, encoding = lines.head["idx"], self._protocol.encoding
        wanted = (lines.head["flags"] & np.uint64(layout.NOT_IMAGING)) == 0
        for counter in _COUNTERS:
            wanted &= idx[counter] == getattr(encoding, counter).minimum
        return lines.select(wanted)

    def _places(self, lines: Acquisitions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places (z, y) on the encoded grid."""
        idx, grid = lines.head["idx"], self._grid
        y = grid.y.place(idx["kspace_encode_step_1"], grid.ky.centre)
        if grid.is_2d:
            return idx["slice"].astype(np.int64) - grid.first_slice, y
        return grid.z.place(idx["kspace_encode_step_2"], grid.kz.centre), y


def _joined(runs: Sequence[Acquisitions]) -> Acquisitions:
    """Runs of one shape as one run; Cartesian lines have no trajectory."""
    data = np.concatenate([run.data for run in runs])
    none = np.zeros((*data.shape[::2], 0), np.float32)
    return Acquisitions(np.concatenate([run.head for run in runs]), data, none)


class Preview(Gadget[EarlyLines]):
    """Makes of the central lines a magnitude, a susceptibility-weighted image and susceptibility.

    For a branch of its own at the end of the chain; its thread has the lowest priority. Resolution
    is that of the lines: a quarter of a linear order gives slices four times as thick, and small
    things weaker than they are. Their sign is right. What is not begun when the last line comes is
    left out, unless ``even_late``.
    """

    accepts: ClassVar = (EarlyLines,)

    even_late: bool = Field(default=False, description="make previews after the last line too")

    def feed(self, item: EarlyLines) -> Iterator[Notice | Volume]:
        """Send the images one by one, each as soon as it is made."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)
        plan_without_measuring()
        for volume in _images(item):
            if volume is not None:
                yield volume
            if item.late.is_set() and not self.even_late:
                yield Notice(Level.INFO, f"preview of {item.share:.0%}: the scan ended first")
                return


def _images(item: EarlyLines) -> Iterator[Volume | None]:
    """Its images, and nothing after steps that have none: places to leave off."""
    echoes = _combined(item)
    scan, te_s = echoes.scan, echoes.scan.echoes.times_s()
    geometry, b0_t = scan.geometry, scan.b0_t

    def volume(values: NDArray[np.float32], quantity: Quantity) -> Volume:
        told = f"PREVIEW from the central {item.share:.0%} of k-space"
        return Volume(values, geometry, quantity, scan, comments=(*scan.remarks, told))

    magnitude = root_sum_squares(echoes.data)
    yield volume(magnitude, Quantity.MAGNITUDE_PREVIEW)
    total = total_field(echoes.data, te_s, b0_t, geometry, polarity=scan.echoes.polarity)
    yield None
    local = local_field(total, geometry, quality=Quality.FAST)
    yield None
    swi = swi_from_field(magnitude, local.field_ppm, b0_t, target_te_s(b0_t))
    yield volume(swi, Quantity.SWI_PREVIEW)
    chi = invert(total, local, geometry, quality=Quality.FAST)
    yield volume(chi.map.chi_ppm, Quantity.CHI_PREVIEW)


def _combined(item: EarlyLines) -> Echoes:
    """The lines through the gadgets of every scan, as if there were no others."""
    grid = grid_of(item.protocol.encoding)
    n_channels = item.lines[0].data.shape[1]
    readout = ReadoutTransform(grid.x, n_channels=n_channels, mix=item.mix)
    opened = OpenVolume(item.protocol, grid, readout)
    for lines in item.lines:
        if len(lines):
            opened.add(lines)
    *_, echoes = CombineCoils().feed(opened.finish(0))
    if not isinstance(echoes, Echoes):
        raise TypeError(f"combined lines: found {type(echoes).__name__}")
    return echoes
