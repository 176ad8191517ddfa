"""A total field becomes susceptibility: a preview at once, then the map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.model.images import Regions, Volume, volume_of
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.qsm.field_maps import ChiMap, FieldMap, LocalFieldMap
from streamrecon.qsm.inversion.methods import Inversion
from streamrecon.qsm.pipeline import (
    DEFAULT_QUALITY,
    Background,
    Quality,
    invert,
    local_field,
)
from streamrecon.qsm.reference import Reference
from streamrecon.qsm.uncertainty import susceptibility_sd
from streamrecon.stream.gadget import Gadget
from streamrecon.units import MIB


class RemoveBackground(Gadget[FieldMap]):
    """Adds the field of the sources inside the mask behind the total field.

    Its preset is that of the map too. A preview is done, sent and forgotten before work on the
    map begins.
    """

    accepts: ClassVar = (FieldMap,)
    memory: ClassVar = MemoryUse(
        echo_voxel_bytes=22, voxel_bytes=73, padded_bytes=22, fixed_bytes=8 * MIB
    )
    old_values: ClassVar = {"quality": {"default": "standard"}}

    quality: Quality = Field(default=DEFAULT_QUALITY, description="how much time the map is given")
    background: Background = Field(
        default=Background.PRESET,
        description="how the outer field is taken off the map's; preset: as the quality has it",
    )
    preview: bool = Field(default=True, description="make a map by the preset fast first")

    def feed(self, item: FieldMap) -> Iterator[FieldMap | LocalFieldMap]:
        """Let the total field go on, then one local field for each map."""
        yield item
        if self.preview and self.quality is not Quality.FAST:
            yield _local_field(item, Quality.FAST, Background.PRESET, is_preview=True)
        yield _local_field(item, self.quality, self.background)


class InvertField(Gadget[Regions | LocalFieldMap]):
    """Adds the susceptibility behind every local field, as its preset wants it, and its image.

    A preview is an image of another kind than the map, so that a console shows them apart.
    """

    accepts: ClassVar = (Regions, LocalFieldMap)
    memory: ClassVar = MemoryUse(
        echo_voxel_bytes=22, voxel_bytes=40, padded_bytes=46, fixed_bytes=8 * MIB
    )

    inversion: Inversion = Field(
        default=Inversion.PRESET,
        description="preset: as the quality has it; others take steps of their own and no classes"
        " of tissue; not for the preview",
    )
    reference: Literal["brain", "csf", "region"] = Field(
        default="brain", description="what is set to zero; region: one that is given"
    )
    uncertainty: bool = Field(
        default=False, description="send the standard deviation by noise too: two more inversions"
    )

    two_pass: bool = Field(
        default=False,
        description="invert once more what bleeds and calcifications leave; not for the preview",
    )

    _region: NDArray[np.bool_] | None = PrivateAttr(default=None)

    def memory_use(self) -> MemoryUse:
        """More where the standard deviation is asked for: two more maps are held."""
        return replace(self.memory, voxel_bytes=70) if self.uncertainty else self.memory

    def feed(self, item: Regions | LocalFieldMap) -> Iterator[object]:
        """Learn of a region that is given; let the local field go on, then its map."""
        yield item
        if isinstance(item, Regions):
            self._region = item.reference
        else:
            yield from self._map(item)

    def _map(self, item: LocalFieldMap) -> Iterator[Notice | ChiMap | Volume]:
        geometry, quality = item.scan.geometry, item.quality
        two_pass = self.two_pass and not item.is_preview
        inversion = Inversion.PRESET if item.is_preview else self.inversion
        found = invert(
            item.total,
            item.local,
            geometry,
            quality=quality,
            inversion=inversion,
            two_pass=two_pass,
            reference=Reference[self.reference.upper()],
            region=self._region,
        )
        before = len(item.total.notices)
        preset = _preset(item, inversion)
        own_comments = (preset, *found.notices[before:])
        level = Level.INFO if found.converged else Level.WARNING
        stated = (text for text in own_comments if text not in found.doubts)
        yield Notice(level, f"susceptibility: {'; '.join(stated)}")
        for doubt in found.doubts:
            yield Notice(Level.WARNING, f"susceptibility: {preset}; {doubt}")
        comments = (*item.total.notices, *own_comments)
        chi = ChiMap(found, comments, quality, item.scan, item.repetition, item.is_preview)
        yield chi
        yield _image(chi, chi.chi_ppm, Quantity.CHI_PREVIEW if item.is_preview else Quantity.CHI)
        if self.uncertainty and not item.is_preview:
            sd_ppm = susceptibility_sd(
                found, geometry, quality=quality, inversion=inversion, two_pass=two_pass
            )
            yield _image(chi, sd_ppm, Quantity.CHI_SD)


def _local_field(
    item: FieldMap, quality: Quality, background: Background, *, is_preview: bool = False
) -> LocalFieldMap:
    local = local_field(item.total, item.scan.geometry, quality=quality, background=background)
    return LocalFieldMap(local, item.total, quality, item.scan, item.repetition, is_preview)


def _preset(item: LocalFieldMap, inversion: Inversion) -> str:
    made = f"{'preview' if item.is_preview else 'map'}, quality {item.quality.value}"
    chosen = inversion is not Inversion.PRESET
    return f"{made} up to the local field, inversion {inversion.value}" if chosen else made


def _image(chi: ChiMap, values: NDArray[np.float32], quantity: Quantity) -> Volume:
    return volume_of(chi.scan, quantity, values, chi.repetition, *chi.comments)
