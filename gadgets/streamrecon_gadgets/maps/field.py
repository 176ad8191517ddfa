"""Echoes become a total field, and fields become images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.model.images import Echoes, Regions, volume_of
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan
from streamrecon.phase.field_fit import little_believed
from streamrecon.phase.image_noise import noise_of_scan
from streamrecon.phase.unwrapping import Unwrapping
from streamrecon.qsm.field_maps import FieldMap, LocalFieldMap
from streamrecon.qsm.total_field import TotalField, total_field
from streamrecon.stream.gadget import Gadget
from streamrecon.units import MIB


class MapField(Gadget[Regions | Echoes]):
    """Adds the total field behind the echoes.

    The smooth phase offset is taken off, each echo unwrapped, a line fitted to the echoes of every
    voxel, the brain found, and what is not to be believed is left without weight.
    """

    accepts: ClassVar = (Regions, Echoes)
    memory: ClassVar = MemoryUse(echo_voxel_bytes=30, voxel_bytes=95, fixed_bytes=8 * MIB)

    unwrapping: Unwrapping = Field(
        default=Unwrapping.TEMPLATE, description="one echo from another, or each by itself"
    )

    _brain: NDArray[np.bool_] | None = PrivateAttr(default=None)

    def feed(self, item: Regions | Echoes) -> Iterator[object]:
        """Learn of a brain that is given; let the echoes go on, then their field."""
        yield item
        if isinstance(item, Regions):
            self._brain = item.brain
            return
        total = self._total(item, item.scan)
        for text in total.notices:
            yield Notice(Level.INFO, f"field: {text}")
        doubt = little_believed(total.weight, total.mask)
        if doubt:
            yield Notice(Level.WARNING, f"field: {doubt}")
        yield FieldMap(total, item.scan, item.repetition)

    def _total(self, item: Echoes, scan: Scan) -> TotalField:
        return total_field(
            item.data,
            scan.echoes.times_s(),
            scan.b0_t,
            scan.geometry,
            readout_polarity=scan.echoes.readout_polarity,
            is_difference=scan.echoes.is_difference,
            mask=self._brain,
            noise=noise_of_scan(item.noise),
            unwrapping=self.unwrapping,
        )


class FieldImages(Gadget[FieldMap | LocalFieldMap]):
    """Fields, mask and trust as images, for who wants to look behind the susceptibility map."""

    accepts: ClassVar = (FieldMap, LocalFieldMap)

    b0_hz: bool = Field(default=True, description="send the total field in Hz")
    b0_ppm: bool = Field(default=False, description="send the total field in ppm of B0")
    b0_sd: bool = Field(default=False, description="send the field's standard deviation, ppm")
    mask: bool = Field(default=False, description="send the mask of the susceptibility map")
    phase_quality: bool = Field(default=False, description="send the trust in the unwrapping")
    snr: bool = Field(default=False, description="send the signal-to-noise ratio of all echoes")
    local_field: bool = Field(default=False, description="send the local field, ppm of B0")

    def feed(self, item: FieldMap | LocalFieldMap) -> Iterator[object]:
        """Send what is wanted; the field goes on behind its images."""
        for quantity, values in self._wanted(item):
            yield volume_of(item.scan, quantity, values, item.repetition, *item.total.notices)
        yield item

    def _wanted(
        self, item: FieldMap | LocalFieldMap
    ) -> Iterator[tuple[Quantity, NDArray[np.float32]]]:
        if isinstance(item, LocalFieldMap):
            if self.local_field and not item.is_preview:
                yield Quantity.LOCAL_FIELD, item.shown_ppm
            return
        if self.b0_hz:
            yield Quantity.FIELD_HZ, item.field_hz
        if self.b0_ppm:
            yield Quantity.FIELD, item.total.fit.field_ppm
        if self.b0_sd:
            yield Quantity.FIELD_SD, item.sd_ppm
        if self.mask:
            yield Quantity.MASK, item.total.mask.astype(np.float32)
        if self.phase_quality:
            yield Quantity.PHASE_QUALITY, item.total.quality
        if self.snr:
            yield Quantity.SNR, item.snr
