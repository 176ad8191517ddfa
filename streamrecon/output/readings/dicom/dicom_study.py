"""The DICOM images that objects of a reading are about: those that are there, else a new study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from streamrecon.dicom.objects.modules import MR_IMAGE
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.dicom.objects.slice_grid import grid_of_slices
from streamrecon.errors import ConfigError, DataError
from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.images import volume_of
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.model.turned_grid import is_same_voxels
from streamrecon.output.readings.map_folder import MapFolder, hash_of_voxels

_SHOWN = (Quantity.CHI, Quantity.LOCAL_FIELD, Quantity.FIELD_HZ)
_CHAIN = "; chain "


@dataclass(frozen=True, slots=True, eq=False)
class StudyImages:
    """MR images of a scan's voxels, one for each slice in their order along the normal.

    Parameters
    ----------
    datasets
        The images, without pixels where they were found.
    is_new
        Whether they were made here, in a study of their own.
    """

    datasets: list[Dataset]
    is_new: bool

    @property
    def chain(self) -> str:
        """Hash of the chain that made them, where they say it."""
        for item in self.datasets[0].get("ContributingEquipmentSequence", []):
            text = str(item.get("ContributionDescription", ""))
            if _CHAIN in text:
                return text.rpartition(_CHAIN)[2]
        return ""


def study_images(place: Path, maps: MapFolder) -> StudyImages | None:
    """The images in a folder that have the voxels of the maps: our susceptibility if it is there.

    Parameters
    ----------
    place
        Folder of DICOM files under any name, of one patient.
    maps
        What was read.

    Raises
    ------
    DataError
        If images of several studies have these voxels: the reading can be of one.
    """
    series: dict[tuple[str, ...], list[Dataset]] = {}
    for image in _headers(place):
        tags = ("SeriesInstanceUID", "EchoNumbers", "TemporalPositionIdentifier")
        series.setdefault(tuple(str(image.get(tag, "")) for tag in tags), []).append(image)
    fitting = [images for images in map(_in_order, series.values()) if _fits(images, maps)]
    studies = {str(images[0].StudyInstanceUID) for images in fitting}
    if len(studies) > 1:
        found = f"found images of {len(studies)} studies on the voxels of the maps"
        raise DataError(f"{place.name}: {found}, needed one")
    if not fitting:
        return None
    return StudyImages(min(fitting, key=_rank), is_new=False)


def new_study(maps: MapFolder) -> StudyImages:
    """Images of the susceptibility, or of another map, in a study that nobody else has.

    Its UIDs follow from the voxels: several readings of one scan share it.

    Raises
    ------
    ConfigError
        If there is no map to show.
    DataError
        If no file says the field strength.
    """
    quantity = next((each for each in _SHOWN if each in maps.has), None)
    if quantity is None:
        needed = ", ".join(each.label for each in _SHOWN)
        raise ConfigError(f"{maps.name}: --dicom: found no images to refer to, needed {needed}")
    sign = PhaseSign(1, SignOrigin.GIVEN)
    scan = bare_scan(maps.geometry, maps.te_s, maps.b0_t, sign, name=maps.name)
    values = maps.map(quantity)
    run = Run(name=hash_of_voxels(values))
    volume = volume_of(scan, quantity, values, 0, "study made for its readings")
    return StudyImages(DicomScan(scan.protocol.ids, run).images(volume).datasets, is_new=True)


def _headers(place: Path) -> Iterator[Dataset]:
    """MR images of single slices; what is no DICOM is passed over."""
    for file in sorted(path for path in place.rglob("*") if path.is_file()):
        try:
            image = pydicom.dcmread(file, stop_before_pixels=True)
        except (InvalidDicomError, OSError, EOFError):
            continue
        if image.get("SOPClassUID") == MR_IMAGE:
            yield image


def _in_order(images: list[Dataset]) -> list[Dataset]:
    """By place along the normal; those that say none stay as they are and fit nothing."""
    try:
        row, column = images[0].ImageOrientationPatient[:3], images[0].ImageOrientationPatient[3:]
        normal = (
            row[1] * column[2] - row[2] * column[1],
            row[2] * column[0] - row[0] * column[2],
            row[0] * column[1] - row[1] * column[0],
        )
        return sorted(
            images,
            key=lambda image: sum(
                n * mm for n, mm in zip(normal, image.ImagePositionPatient, strict=True)
            ),
        )
    except (AttributeError, TypeError, ValueError):
        return images


def _fits(images: Sequence[Dataset], maps: MapFolder) -> bool:
    try:
        return is_same_voxels(grid_of_slices(images), maps.geometry)
    except DataError:
        return False


def _rank(images: Sequence[Dataset]) -> tuple[bool, int, int]:
    """Susceptibility of ours first, then by number of series and echo."""
    first, form = images[0], Quantity.CHI.dicom
    is_ours = form is not None and str(first.get("SeriesDescription", "")).endswith(form.suffix)
    return not is_ours, int(first.get("SeriesNumber") or 0), int(first.get("EchoNumbers") or 0)
