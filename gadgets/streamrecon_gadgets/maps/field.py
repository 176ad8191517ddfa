"""Echoes become a total field, and fields become images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.model.images import Echoes, FieldMap, LocalField, Regions, Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.quantities import Quantity
from streamrecon.phase.field_fit import FieldFit
from streamrecon.phase.unwrapping import Unwrapping
from streamrecon.qsm.total_field import TotalField, radians_per_ppm, total_field
from streamrecon.stream.gadget import Gadget
from streamrecon.units import hz_per_ppm


class MapField(Gadget[Regions | Echoes]):
    """Adds the total field behind the echoes.

    The smooth phase offset is taken off, each echo unwrapped, a line fitted to the echoes of every
    voxel, the brain found, and what is not to be believed is left without weight.
    """

    accepts: ClassVar = (Regions, Echoes)

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
        scan = item.scan
        total = total_field(
            item.data,
            scan.echoes.times_s(),
            scan.b0_t,
            scan.geometry,
            polarity=scan.echoes.polarity,
            mask=self._brain,
            unwrapping=self.unwrapping,
        )
        for text in total.notices:
            yield Notice(Level.INFO, f"field: {text}")
        yield _field_map(total, item)


class FieldImages(Gadget[FieldMap | LocalField]):
    """Fields, mask and trust as images, for who wants to look behind the susceptibility map."""

    accepts: ClassVar = (FieldMap, LocalField)

    b0_hz: bool = Field(default=True, description="send the total field in Hz")
    b0_ppm: bool = Field(default=False, description="send the total field in ppm of B0")
    b0_sd: bool = Field(default=False, description="send the field's standard deviation, ppm")
    mask: bool = Field(default=False, description="send the mask of the susceptibility map")
    phase_quality: bool = Field(default=False, description="send the trust in the unwrapping")
    snr: bool = Field(default=False, description="send the signal-to-noise ratio of all echoes")
    local_field: bool = Field(default=False, description="send the local field, ppm of B0")

    def feed(self, item: FieldMap | LocalField) -> Iterator[object]:
        """Send what is wanted; the field goes on behind its images."""
        if isinstance(item, FieldMap):
            wanted = {
                Quantity.FIELD_HZ: self.b0_hz,
                Quantity.FIELD: self.b0_ppm,
                Quantity.FIELD_SD: self.b0_sd,
                Quantity.MASK: self.mask,
                Quantity.PHASE_QUALITY: self.phase_quality,
                Quantity.SNR: self.snr,
            }
        else:
            wanted = {Quantity.LOCAL_FIELD: self.local_field and not item.is_preview}
        for quantity, is_wanted in wanted.items():
            if is_wanted:
                yield _field_volume(item, quantity)
        yield item


def total_of(item: FieldMap) -> TotalField:
    """The field as the functions of `streamrecon.qsm` take it."""
    fit = FieldFit(item.field_ppm, item.sd_ppm, item.residual_rad, item.offset_rad, item.noise)
    return TotalField(
        fit,
        item.mask,
        item.weight,
        item.magnitude,
        item.csf,
        item.quality,
        item.remarks,
        radians_per_ppm(item.scan.echoes.times_s(), item.scan.b0_t),
    )


def _field_map(total: TotalField, echoes: Echoes) -> FieldMap:
    fit = total.fit
    return FieldMap(
        field_ppm=fit.field_ppm,
        sd_ppm=fit.sd_ppm,
        residual_rad=fit.residual_rad,
        offset_rad=fit.offset_rad,
        noise=fit.noise,
        mask=total.mask,
        weight=total.weight,
        magnitude=total.magnitude,
        csf=total.csf,
        quality=total.quality,
        rad_per_ppm=total.rad_per_ppm,
        scan=echoes.scan,
        repetition=echoes.repetition,
        remarks=total.notices,
    )


def _field_volume(item: FieldMap | LocalField, quantity: Quantity) -> Volume:
    total = item if isinstance(item, FieldMap) else item.total
    return Volume(
        _values(item, total, quantity),
        total.scan.geometry,
        quantity,
        total.scan,
        repetition=total.repetition,
        comments=(*total.scan.remarks, *total.remarks),
    )


def _values(
    item: FieldMap | LocalField, total: FieldMap, quantity: Quantity
) -> NDArray[np.float32]:
    match quantity:
        case Quantity.FIELD_HZ:
            return total.field_ppm * np.float32(hz_per_ppm(total.scan.b0_t))
        case Quantity.FIELD_SD:
            return np.where(np.isfinite(total.sd_ppm), total.sd_ppm, np.float32(0))
        case Quantity.MASK:
            return total.mask.astype(np.float32)
        case Quantity.PHASE_QUALITY:
            return total.quality
        case Quantity.SNR:
            return total.magnitude / np.float32(total.noise)
        case _:
            return item.field_ppm
