"""Finished maps become readings: a report of lesions, behind all images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon import __version__
from streamrecon.analysis.chain_maps import lesion_maps_of
from streamrecon.analysis.lesion_reading import extents_of_lesions, reading_of_lesions
from streamrecon.analysis.lesions import find_lesions
from streamrecon.analysis.reading import Outcome, Reading, ReadingContent, ReadVolume
from streamrecon.dicom.objects.identity import study_uid_of
from streamrecon.errors import StreamReconError
from streamrecon.model.images import Echoes, Volume
from streamrecon.model.memory_use import MIB, MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.quantities import Quantity
from streamrecon.output.readings.figures import Figure
from streamrecon.output.readings.lesion_figures import draw_lesions
from streamrecon.output.readings.map_folder import hash_of_voxels
from streamrecon.output.readings.page_picture import page_picture
from streamrecon.output.readings.report import add_reading, row_of_scan
from streamrecon.output.readings.report_model import RESEARCH, OriginRow
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.stream.gadget import Gadget

_FOLDER = "readings"
_LESIONS = "lesions"


class MakeReadings(Gadget[Echoes | ChiMap | Volume]):
    """Reads what the maps mean, after the last of them has gone on: for research, not diagnosis.

    ``lesions`` are bleeds and calcifications with their dipole moments. The report (JSON, table and
    page) lies beside the images of a replay, else in the folder ``readings`` of the service's
    storage, if it has one; gadgets behind it that send DICOM send segments and report. Nothing is
    kept or read unless ``readings`` names it.
    """

    accepts: ClassVar = (Echoes, ChiMap, Volume)
    memory: ClassVar = MemoryUse(fixed_bytes=100 * MIB)

    readings: tuple[Literal["lesions"], ...] = Field(default=(), description="what is read")
    page: bool = Field(
        default=False, description="give the page as a picture to what sends DICOM behind it"
    )
    seconds: float = Field(
        default=40.0, gt=0, description="time for each reading, s; what is there then is reported"
    )

    _echoes: dict[int, Echoes] = PrivateAttr(default_factory=dict)
    _chi: dict[int, ChiMap] = PrivateAttr(default_factory=dict)
    _images: dict[int, Volume] = PrivateAttr(default_factory=dict)
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
            case Volume(quantity=Quantity.CHI):
                self._images[item.repetition] = item
            case Volume(quantity=Quantity.VEINS):
                self._veins[item.repetition] = np.asarray(item.values) > 0

    def finish(self) -> Iterator[Notice | ReadVolume]:
        """Read volume after volume."""
        for repetition in sorted(self._chi.keys() & self._echoes.keys()):
            yield from self._read(repetition)

    def _read(self, repetition: int) -> Iterator[Notice | ReadVolume]:
        """Make one report and say what is in it; a failure is a reading that is refused."""
        chi, veins = self._chi[repetition], self._veins.get(repetition)
        try:
            maps = lesion_maps_of(chi, self._echoes[repetition], veins=veins)
            lesions = find_lesions(maps, seconds=self.seconds)
        except StreamReconError as e:
            refused = Reading(kind=_LESIONS, outcome=Outcome.REFUSED, method="", reasons=(str(e),))
            yield self._keep(refused, (), "", chi)
            yield from self._given(ReadingContent(reading=refused), (), repetition)
            return
        doubts = () if veins is not None else ("veins were not looked for",)
        reading = reading_of_lesions(lesions, parameters={"seconds": self.seconds}, doubts=doubts)
        figures = draw_lesions(maps, lesions, swi=None, phase_rad=None)
        yield self._keep(reading, figures, str(lesions), chi)
        content = ReadingContent(reading=reading, extents=extents_of_lesions(lesions))
        yield from self._given(content, figures, repetition)

    def _given(
        self, content: ReadingContent, figures: Sequence[Figure], repetition: int
    ) -> Iterator[ReadVolume]:
        """The reading for what sends DICOM, if there is an image that it can be about."""
        image = self._images.get(repetition)
        if image is None:
            return
        if self.page:
            page = page_picture(content.reading, figures, research=RESEARCH)
            content = replace(content, page=page)
        yield ReadVolume(content, image)

    def _keep(self, reading: Reading, figures: Sequence[Figure], found: str, chi: ChiMap) -> Notice:
        outcome = reading.outcome.name.lower()
        text = f"{found} ({outcome})" if found else f"{reading.kind} {outcome}"
        text = "; ".join([text, *reading.reasons, "research use only"])
        place = self._place(chi.repetition)
        if place is None:
            return Notice(Level.INFO, f"{text}; no folder for the report")
        try:
            add_reading(
                place,
                reading,
                row_of_scan(chi.scan),
                sources={"chi": hash_of_voxels(chi.chi_ppm)},
                origin=self._origin(chi),
                figures=figures,
            )
        except (OSError, StreamReconError) as e:
            return Notice(Level.WARNING, f"{text}; the report is not kept: {e}")
        return Notice(Level.INFO if reading.values else Level.WARNING, text)

    def _origin(self, chi: ChiMap) -> OriginRow:
        """Chain, run, and study as the DICOM images have it: that of a pseudonym if they do."""
        context = self.context
        secret = None if context.delivery is None else context.delivery.secret
        return OriginRow(
            chain=context.chain,
            run=context.run,
            software=f"streamrecon {__version__}",
            study_uid=study_uid_of(chi.scan.protocol.ids, secret),
        )

    def _place(self, repetition: int) -> Path | None:
        """Where this run's report goes, if it goes anywhere."""
        folder, storage = self.context.tables, self.context.storage
        if folder is None and storage is not None:
            folder = storage / _FOLDER
        name = self.context.session or self.context.run or "scan"
        return None if folder is None else folder / f"{name}_run-{repetition + 1}_{_FOLDER}"
