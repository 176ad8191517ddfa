"""Finished maps become readings: one report, behind all images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon import __version__
from streamrecon.analysis.chain_maps import ChainMaps
from streamrecon.analysis.deep_nuclei.iron import IronSettings
from streamrecon.analysis.positions.position_reading import KIND as ORIENTATIONS
from streamrecon.analysis.positions.position_reading import HeadPosition
from streamrecon.analysis.quality.quality_reading import KIND as QUALITY
from streamrecon.analysis.reading import Outcome, Reading, ReadingContent, ReadVolume
from streamrecon.analysis.separation.sources import RELAXIVITY_3T
from streamrecon.analysis.zeros import REFERENCES
from streamrecon.dicom.objects.identity import identity_of, study_uid_of
from streamrecon.errors import StreamReconError, in_words
from streamrecon.model.images import Echoes, Volume
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.readings.chain_scan import ChainScan, SourceChoices
from streamrecon.output.readings.drawings.page_picture import page_picture
from streamrecon.output.readings.kept_positions import positions_so_far
from streamrecon.output.readings.map_folder import hash_of_voxels
from streamrecon.output.readings.of_chain import READERS, MadeReading, position_of
from streamrecon.output.readings.patient_files import FileNames, PatientFiles, patient_files
from streamrecon.output.readings.report import add_reading, row_of_scan
from streamrecon.output.readings.report_model import RESEARCH, OriginRow
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.stream.gadget import Gadget
from streamrecon.units import MIB

_FOLDER = "readings"
_WITH_JOINT_FIT = MemoryUse(
    echo_voxel_bytes=22, voxel_bytes=100, padded_bytes=190, fixed_bytes=100 * MIB
)
_KEPT = frozenset({Quantity.VEINS, Quantity.R2_STAR, Quantity.R2_STAR_SD, Quantity.CHI_SD})


class MakeReadings(Gadget[Echoes | ChiMap | Volume]):
    """Reads what the maps mean, after the last of them has gone on: for research, not diagnosis.

    ``qc`` is a traffic light for the scan, ``lesions`` are bleeds and calcifications, ``veins``
    their density, ``oximetry`` oxygen in them, ``iron`` the nuclei of ``labels``, ``change`` theirs
    since ``baseline``, ``rims`` those of the lesions of ``lesion_mask``, ``sources`` χ of either
    sign, ``orientations`` whether the head's positions in the scans of this study are enough, and
    which tilt is still needed. One that lacks something is refused with the reason, and the others
    go on; so is all but ``qc`` where no brain was recognised. The report (JSON, table and page)
    lies beside the images of a replay, else in the folder ``readings`` of the service's storage, if
    it has one; gadgets behind it that send DICOM send segments and report. Nothing is kept or read
    unless ``readings`` names it.
    """

    accepts: ClassVar = (Echoes, ChiMap, Volume)
    memory: ClassVar = MemoryUse(fixed_bytes=100 * MIB)

    readings: tuple[
        Literal[
            "qc", "lesions", "veins", "oximetry", "iron", "change", "rims", "sources",
            "orientations",
        ],
        ...,
    ] = Field(default=(), description="what is read")  # fmt: skip
    labels: str = Field(
        default="", description="NIfTI of region numbers in the storage's folder labels"
    )
    preset: Literal["general", "nbia", "parkinson", "wilson"] = Field(
        default="general", description="question to the nuclei: which it needs, what to read beside"
    )
    reference: Literal["brain", "csf"] = Field(
        default="brain", description="zero of moments, iron, scores and changes"
    )
    norms: str = Field(
        default="", description="table of the healthy in the same folder, for z-scores"
    )
    age_years: float | None = Field(
        default=None, ge=0, description="of the patient, for norms; without it by the header"
    )
    lesion_mask: str = Field(default="", description="NIfTI of lesions, in the same folder")
    baseline: str = Field(
        default="", description="analysis.json of the earlier visit, in the same folder"
    )
    same_site: bool = Field(
        default=True, description="whether that was on this scanner with this protocol"
    )
    haematocrit: float | None = Field(
        default=None, gt=0, lt=1, description="of the patient; without it 0.42 is assumed"
    )
    r2: str = Field(
        default="", description="NIfTI of R2 [1/s] in the same folder; without it R2' is pseudo"
    )
    d_positive: float = Field(
        default=RELAXIVITY_3T, gt=0, description="R2' of paramagnetic sources at 3 T, 1/s per ppm"
    )
    d_negative: float = Field(
        default=RELAXIVITY_3T, gt=0, description="the same of diamagnetic sources"
    )
    joint_sources: bool = Field(
        default=False, description="sources jointly with the field too, if they end in time"
    )
    page: bool = Field(
        default=False, description="give the page as a picture to what sends DICOM behind it"
    )
    seconds: float = Field(
        default=40.0, gt=0, description="time for all; none begins later, the report is partial"
    )

    _echoes: dict[int, Echoes] = PrivateAttr(default_factory=dict)
    _chi: dict[int, ChiMap] = PrivateAttr(default_factory=dict)
    _images: dict[int, Volume] = PrivateAttr(default_factory=dict)
    _maps: dict[int, dict[Quantity, NDArray[np.floating]]] = PrivateAttr(default_factory=dict)

    def memory_use(self) -> MemoryUse:
        """More where sources are fitted jointly: 47 numbers a padded voxel."""
        jointly = self.joint_sources and "sources" in self.readings
        return _WITH_JOINT_FIT if jointly else self.memory

    def feed(self, item: Echoes | ChiMap | Volume) -> Iterator[object]:
        """Let everything go on; keep what will be read."""
        yield item
        if not self.readings:
            return
        match item:
            case Echoes():
                self._echoes[item.repetition] = item
            case ChiMap() if not item.is_preview:
                self._chi[item.repetition] = item
            case Volume(quantity=Quantity.CHI):
                self._images[item.repetition] = item
            case Volume(quantity=quantity) if quantity in _KEPT:
                kept = self._maps.setdefault(item.repetition, {})
                kept[quantity] = np.asarray(item.values, np.float32)

    def finish(self) -> Iterator[Notice | ReadVolume]:
        """Read volume after volume."""
        worked_s = dict(self.context.worked_s())
        for repetition in sorted(self._chi.keys() & self._echoes.keys()):
            maps = ChainMaps(
                chi=self._chi[repetition],
                echoes=self._echoes[repetition],
                maps=self._maps.get(repetition, {}),
                worked_s=worked_s,
            )
            yield from self._read(maps)

    def _read(self, maps: ChainMaps) -> Iterator[Notice | ReadVolume]:
        """Make one report and say what is in it; a failure is a reading that is refused."""
        end = monotonic() + self.seconds
        files = self._files(maps)
        for doubt in dict.fromkeys(files.doubts.values()):
            yield Notice(Level.WARNING, f"readings: {doubt}")
        positions, doubt = self._positions(maps)
        if doubt:
            yield Notice(Level.WARNING, f"readings: {doubt}")
        scan = replace(self._scan(maps, files), positions=positions)
        for kind in (each for each in READERS if each in self.readings):
            seconds = end - monotonic()
            if seconds <= 0:
                made = _refused(kind, f"partial: no time, {self.seconds:g} s were up")
            elif kind != QUALITY and not maps.chi.found.total.is_brain:
                made = _refused(kind, "no brain was recognised in the images")
            else:
                made = _made(kind, scan, seconds)
            yield self._keep(made, maps.chi)
            yield from self._given(made, maps.chi.repetition)

    def _files(self, maps: ChainMaps) -> PatientFiles:
        """What was pushed for the patient."""
        names = FileNames(
            labels=self.labels,
            lesion_mask=self.lesion_mask,
            baseline=self.baseline,
            r2=self.r2,
            norms=self.norms,
        )
        return patient_files(self.context.storage, names, maps.chi.scan.geometry)

    def _scan(self, maps: ChainMaps, files: PatientFiles) -> ChainScan:
        """The maps with what is known of the patient, and how they are to be read."""
        age_years = self.age_years
        if age_years is None:
            age_years = maps.chi.scan.protocol.ids.visit.age_years
        return ChainScan(
            maps=maps,
            files=files,
            haematocrit=self.haematocrit,
            iron=IronSettings(
                reference=REFERENCES[self.reference],
                preset=self.preset,
                norms=files.norms,
                age_years=age_years,
            ),
            sources=SourceChoices(
                d_positive=self.d_positive,
                d_negative=self.d_negative,
                jointly=self.joint_sources,
            ),
            same_site=self.same_site,
        )

    def _positions(self, maps: ChainMaps) -> tuple[Sequence[HeadPosition], str]:
        """How the head lay in the scans of this study, and why that may not be all.

        A scan is known by the voxels of its first echo: one that is made again, or sent again,
        takes the place of itself, and no name that two scans have loses one of them.
        """
        chi = maps.chi
        if ORIENTATIONS not in self.readings or not chi.found.total.is_brain:
            return (), ""
        study_uid = identity_of(chi.scan.protocol.ids, self._name(chi.repetition)).study_uid
        try:
            now = position_of(maps)
        except StreamReconError:  # the reading meets it again, and is refused
            return (), ""
        scan = hash_of_voxels(maps.echoes.data[0])
        return positions_so_far(self.context.storage, study_uid, scan, now)

    def _given(self, made: MadeReading, repetition: int) -> Iterator[ReadVolume]:
        """The reading for what sends DICOM, if there is an image that it can be about."""
        image, content = self._images.get(repetition), made.content
        if image is None:
            return
        if self.page:
            page = page_picture(content.reading, made.figures, research=RESEARCH)
            content = replace(content, page=page)
        yield ReadVolume(content, image)

    def _keep(self, made: MadeReading, chi: ChiMap) -> Notice:
        reading = made.content.reading
        outcome = reading.outcome.name.lower()
        text = f"{made.summary} ({outcome})" if made.summary else f"{reading.kind} {outcome}"
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
                figures=made.figures,
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
        return None if folder is None else folder / f"{self._name(repetition)}_{_FOLDER}"

    def _name(self, repetition: int) -> str:
        """Of one volume of this run."""
        name = self.context.session or self.context.run or "scan"
        return f"{name}_run-{repetition + 1}"


def _made(kind: str, scan: ChainScan, seconds: float) -> MadeReading:
    try:
        return READERS[kind](scan, seconds)
    except StreamReconError as e:
        return _refused(kind, str(e))
    except MemoryError as e:
        return _refused(kind, in_words(e))


def _refused(kind: str, reason: str) -> MadeReading:
    refused = Reading(kind=kind, outcome=Outcome.REFUSED, method="", reasons=(reason,))
    return MadeReading(content=ReadingContent(reading=refused))
