"""Finished maps become readings: a report of lesions, behind all images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.analysis.chain_maps import lesion_maps_of
from streamrecon.analysis.lesion_reading import reading_of_lesions
from streamrecon.analysis.lesion_sites import LesionMaps
from streamrecon.analysis.lesions import Lesions, find_lesions
from streamrecon.analysis.reading import Outcome, Reading
from streamrecon.errors import StreamReconError
from streamrecon.model.images import Echoes, Volume
from streamrecon.model.memory_use import MIB, MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.quantities import Quantity
from streamrecon.output.readings.lesion_figures import draw_lesions
from streamrecon.output.readings.map_folder import hash_of_voxels
from streamrecon.output.readings.report import add_reading, row_of_scan
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.stream.gadget import Gadget

_FOLDER = "readings"
_LESIONS = "lesions"


class MakeReadings(Gadget[Echoes | ChiMap | Volume]):
    """Reads what the maps mean, after the last of them has gone on: for research, not diagnosis.

    ``lesions`` are bleeds and calcifications with their dipole moments. The report (JSON, table and
    page) lies beside the images of a replay, else in the folder ``readings`` of the service's
    storage, if it has one. Nothing is kept or read unless ``readings`` names it.
    """

    accepts: ClassVar = (Echoes, ChiMap, Volume)
    memory: ClassVar = MemoryUse(fixed_bytes=100 * MIB)

    readings: tuple[Literal["lesions"], ...] = Field(default=(), description="what is read")
    seconds: float = Field(
        default=40.0, gt=0, description="time for each reading, s; what is there then is reported"
    )

    _echoes: dict[int, Echoes] = PrivateAttr(default_factory=dict)
    _chi: dict[int, ChiMap] = PrivateAttr(default_factory=dict)
    _veins: dict[int, NDArray[np.bool_]] = PrivateAttr(default_factory=dict)

    def feed(self, item: Echoes | ChiMap | Volume) -> Iterator[object]:
        """Let everything go on; keep what will be read."""
        yield item
        if not self.readings:
            return
        match item:
            case Echoes():
                self._echoes[item.repetition] = item
            case ChiMap() if not item.is_preview and item.found.total.is_brain:
                self._chi[item.repetition] = item
            case Volume(quantity=Quantity.VEINS):
                self._veins[item.repetition] = np.asarray(item.values) > 0

    def finish(self) -> Iterator[Notice]:
        """Read volume after volume."""
        for repetition in sorted(self._chi.keys() & self._echoes.keys()):
            yield self._read(repetition)

    def _read(self, repetition: int) -> Notice:
        """Make one report and say what is in it; a failure is a reading that is refused."""
        chi, veins = self._chi[repetition], self._veins.get(repetition)
        try:
            maps = lesion_maps_of(chi, self._echoes[repetition], veins=veins)
            lesions = find_lesions(maps, seconds=self.seconds)
        except StreamReconError as e:
            refused = Reading(kind=_LESIONS, outcome=Outcome.REFUSED, method="", reasons=(str(e),))
            return self._keep(refused, None, chi)
        doubts = () if veins is not None else ("veins were not looked for",)
        reading = reading_of_lesions(lesions, parameters={"seconds": self.seconds}, doubts=doubts)
        return self._keep(reading, (maps, lesions), chi)

    def _keep(
        self, reading: Reading, drawn: tuple[LesionMaps, Lesions] | None, chi: ChiMap
    ) -> Notice:
        text = f"{reading.kind} {reading.outcome.name.lower()}"
        if drawn is not None:
            text = f"{drawn[1]} ({reading.outcome.name.lower()})"
        text = "; ".join([text, *reading.reasons, "research use only"])
        place = self._place(chi.repetition)
        if place is None:
            return Notice(Level.INFO, f"{text}; no folder for the report")
        figures = [] if drawn is None else draw_lesions(*drawn, swi=None, phase_rad=None)
        sources = {"chi": hash_of_voxels(chi.chi_ppm)}
        try:
            add_reading(place, reading, row_of_scan(chi.scan), sources=sources, figures=figures)
        except (OSError, StreamReconError) as e:
            return Notice(Level.WARNING, f"{text}; the report is not kept: {e}")
        return Notice(Level.INFO if reading.values else Level.WARNING, text)

    def _place(self, repetition: int) -> Path | None:
        """Where this run's report goes, if it goes anywhere."""
        folder, storage = self.context.tables, self.context.storage
        if folder is None and storage is not None:
            folder = storage / _FOLDER
        name = self.context.session or self.context.run or "scan"
        return None if folder is None else folder / f"{name}_run-{repetition + 1}_{_FOLDER}"
