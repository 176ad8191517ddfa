"""Options of `streamrecon analyze` for DICOM: objects of a reading, in the study of its images."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streamrecon.analysis.reading import ReadingContent
from streamrecon.console import warn
from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.output_names import MAP, PAGE, REPORT, SEGMENTS
from streamrecon.dicom.objects.series import Images
from streamrecon.errors import ConfigError, DataError
from streamrecon.output.readings.dicom.dicom_objects import objects_of_reading, require_highdicom
from streamrecon.output.readings.dicom.dicom_study import StudyImages, new_study, study_images
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.output.readings.report_model import OriginRow
from streamrecon.storage.atomic_file import whole

_NEW_STUDY = "dicom_study"
_NAMES = {SEGMENTS: "segments", REPORT: "report", MAP: "map", PAGE: "page"}


@dataclass(frozen=True, slots=True)
class WrittenObjects:
    """Names of the files in the folder of the report, and what made the maps."""

    origin: OriginRow
    files: Sequence[str] = ()


def add_dicom(parser: argparse.ArgumentParser) -> None:
    """Give the parser the options."""
    parser.add_argument(
        "--dicom", action="store_true",
        help="write segments, report and float maps as DICOM too (needs the extra objects)",
    )  # fmt: skip
    parser.add_argument(
        "--dicom-source", type=Path, metavar="DIR",
        help="DICOM images of the same voxels, whose patient and study the objects join; without "
        "it those in DIR of the maps, else a new study is made",
    )  # fmt: skip
    parser.add_argument(
        "--dicom-page", action="store_true",
        help="with --dicom: the page as a secondary capture too",
    )  # fmt: skip


def study_for(options: argparse.Namespace, maps: MapFolder) -> StudyImages | None:
    """The images that the objects will be about, ``None`` where there are none and none wanted.

    Asked before the analysis, which may take minutes.

    Raises
    ------
    ConfigError
        If the given images have other voxels, or highdicom is not installed.
    DataError
        With ``--dicom``: if images of several studies fit, or a new study cannot be made.
    """
    if options.dicom:
        require_highdicom()
    given = options.dicom_source
    try:
        study = study_images(given or options.folder, maps)
    except DataError:
        if options.dicom:
            raise
        return None
    if given is not None and study is None:
        raise ConfigError(f"{given}: found no MR images on the voxels of the maps")
    if study is None and options.dicom:
        study = new_study(maps)
        warn("--dicom: found no DICOM images of the maps: a new study was made for them")
    return study


def write_objects(
    options: argparse.Namespace,
    maps: MapFolder,
    study: StudyImages | None,
    content: ReadingContent,
) -> WrittenObjects:
    """Write the objects, if they are wanted, and tell what made the maps in any case."""
    if not options.dicom or study is None:
        return WrittenObjects(_origin(maps, study))
    moment = datetime.now(UTC)
    objects = objects_of_reading(
        content,
        study.datasets,
        maps.geometry,
        run=moment.isoformat(),
        chain=study.chain or maps.chain(),
        made=moment,
    )
    if study.is_new:
        _write_study(study, options.output / _NEW_STUDY)
    files = list(_written(objects, content.reading.kind, options.output))
    return WrittenObjects(_origin(maps, study), files)


def _written(objects: Sequence[Images], kind: str, folder: Path) -> Iterator[str]:
    for images in objects:
        for image in images.datasets:
            number = f"-{image.InstanceNumber}" if images.output == MAP else ""
            name = f"{kind}_{_NAMES[images.output]}{number}.dcm"
            with whole(folder / name) as scratch:
                scratch.write_bytes(part10(image))
            yield name


def _write_study(study: StudyImages, folder: Path) -> None:
    for number, image in enumerate(study.datasets, start=1):
        with whole(folder / f"{number:05d}.dcm") as scratch:
            scratch.write_bytes(part10(image))


def _origin(maps: MapFolder, study: StudyImages | None) -> OriginRow:
    """What the files say of their making."""
    chain, software = maps.chain(), maps.software()
    if study is None:
        return OriginRow(chain=chain, software=software)
    first = study.datasets[0]
    return OriginRow(
        chain=study.chain or chain,
        software=software or str(first.get("SoftwareVersions", "")),
        study_uid=str(first.StudyInstanceUID),
        series_uid=str(first.SeriesInstanceUID),
        image_uids=tuple(str(image.SOPInstanceUID) for image in study.datasets),
    )
