"""Coarse images while k-space still fills, so that a wrong slab or a moved head is seen in time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.acquisition.coarse_images import preview_images
from streamrecon.acquisition.early_lines import CentreOfScan, EarlyLines
from streamrecon.model.images import Volume
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.stream.gadget import Gadget

_LOWEST = 19  # of the system's priorities: such a thread runs when others wait


class CollectCentre(Gadget[ScanHeader | ChannelTransform | Acquisitions]):
    """Lets lines pass, and gives those of the centre a second time when a fraction is complete.

    In front of `AssembleKSpace`, behind whitening. It keeps copies of the central lines of the
    first volume, some third of its raw data, until the largest fraction has gone. An accelerated
    scan has no complete centre and gets no preview.
    """

    accepts: ClassVar = (ScanHeader, ChannelTransform, Acquisitions)
    memory: ClassVar = MemoryUse(grids=3.4, echo_voxel_bytes=8, voxel_bytes=60)
    only_watches: ClassVar = True
    of_scan: ClassVar = ("phase_sign",)
    old_fields: ClassVar = {"shares": "fractions"}

    fractions: tuple[float, ...] = Field(
        default=(0.25, 0.5), min_length=1, description="fractions of k-space, growing"
    )
    resolution_mm: float = Field(default=2.0, gt=0, description="smallest voxel of a preview, mm")
    phase_sign: Literal[-1, 1] | None = Field(
        default=None, description="sign of the scanner's phase; the header's where not given"
    )

    _centre: CentreOfScan | None = PrivateAttr(default=None)
    _mix: NDArray[np.complex64] | None = PrivateAttr(default=None)

    def feed(self, item: ScanHeader | ChannelTransform | Acquisitions) -> Iterator[object]:
        """Let everything pass; look at the lines."""
        match item:
            case ScanHeader():
                protocol = item.protocol
                self._centre = CentreOfScan(protocol, self.fractions, self.resolution_mm)
            case ChannelTransform():
                self._mix = item.matrix
        yield item
        if isinstance(item, Acquisitions) and self._centre is not None:
            yield from self._centre.add(item, self._mix)


class Preview(Gadget[EarlyLines]):
    """Makes of the central lines a magnitude, a susceptibility-weighted image and susceptibility.

    For a branch of its own at the end of the chain; its thread has the lowest priority. Resolution
    is that of the lines: a quarter of a linear order gives slices four times as thick, and small
    things weaker than they are. Their sign is right. Where not ``even_late``, what is not begun
    when the last line comes is left out: which images leave then depends on the pace of the scan.
    """

    accepts: ClassVar = (EarlyLines,)

    even_late: bool = Field(default=True, description="make previews after the last line too")

    def feed(self, item: EarlyLines) -> Iterator[Notice | Volume]:
        """Send the images one by one, each as soon as it is made."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)
        for volume in preview_images(item):
            if volume is not None:
                yield volume
            if item.late.is_set() and not self.even_late:
                yield Notice(Level.INFO, f"preview of {item.fraction:.0%}: the scan ended first")
                return
