"""Susceptibility becomes a vein mask and a table of centre-lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamrecon.maps.centrelines import CentreLines, trace_veins
from streamrecon.maps.veins import SCALES_MM, WEAKEST_PPM, find_veins, lost_to_voxels
from streamrecon.model.images import volume_of
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.storage.atomic_file import whole
from streamrecon.stream.gadget import Gadget
from streamrecon.units import MIB

_FOLDER = "veins"


class FindVeins(Gadget[ChiMap]):
    """Adds a mask of the veins, their number and length, and a table of their centre-lines.

    The table is a file of comma-separated values: beside the images of a replay, else in the folder
    ``veins`` of the service's storage, if it has one. Previews of a map are left alone, and objects
    in which no brain was recognised.
    """

    accepts: ClassVar = (ChiMap,)
    memory: ClassVar = MemoryUse(fixed_bytes=100 * MIB)

    scales_mm: tuple[float, ...] = Field(
        default=SCALES_MM, min_length=1, description="widths of the filter, mm"
    )
    contrast_ppm: float = Field(default=WEAKEST_PPM, ge=0, description="weakest vein, ppm")
    k_sigma: float = Field(default=4.0, ge=0, description="smallest ratio to the map's noise")
    shortest_mm: float = Field(default=8.0, ge=0, description="shortest extent of a vein, mm")
    anywhere: bool = Field(default=False, description="look where no brain was recognised too")
    table: bool = Field(default=True, description="trace centre-lines and keep their table")

    def feed(self, item: ChiMap) -> Iterator[object]:
        """Let the map go on, then its veins."""
        yield item
        if item.is_preview:
            return
        if not (item.found.total.is_brain or self.anywhere):
            yield Notice(Level.INFO, "veins: not looked for, no brain was recognised")
            return
        for words in lost_to_voxels(item.scan.geometry):
            yield Notice(Level.WARNING, f"veins: {words}")
        veins = self._found(item)
        values = veins.astype(np.float32)
        yield volume_of(item.scan, Quantity.VEINS, values, item.repetition, *item.comments)
        if self.table:
            lines = trace_veins(veins, item.chi_ppm, item.scan.geometry)
            yield self._keep(lines, item.repetition)

    def _found(self, item: ChiMap) -> NDArray[np.bool_]:
        return find_veins(
            item.chi_ppm,
            item.mask,
            item.scan.geometry,
            scales_mm=self.scales_mm,
            contrast_ppm=self.contrast_ppm,
            k_sigma=self.k_sigma,
            shortest_mm=self.shortest_mm,
        )

    def _keep(self, lines: CentreLines, repetition: int) -> Notice:
        """Write the table where this run's tables go, if they go anywhere; say what is in it."""
        folder, storage = self.context.tables, self.context.storage
        if folder is None and storage is not None:
            folder = storage / _FOLDER
        if folder is None:
            return Notice(Level.INFO, f"{lines}; no folder for the table")
        name = f"{self.context.run or 'scan'}_run-{repetition + 1}_veins.csv"
        try:
            with whole(folder / name) as scratch:
                scratch.write_text(lines.as_csv(), encoding="ascii")
        except OSError as e:
            return Notice(Level.WARNING, f"{lines}; the table is not kept: {e.strerror}")
        return Notice(Level.INFO, str(lines))
