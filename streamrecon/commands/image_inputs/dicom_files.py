"""Reads the echoes of one part from a scanner's DICOM images, whoever made the scanner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from streamrecon.commands.image_inputs.dicom_ids import ids_of
from streamrecon.commands.image_inputs.image_parts import ImagePart
from streamrecon.errors import DataError
from streamrecon.file_kinds import kind_of_file
from streamrecon.model.complex_part import Part, part_by_number, part_by_words
from streamrecon.model.turned_grid import turned_to
from streamrecon.output.stored_volumes import stacked_slices
from streamrecon.units import s_from_ms

_DICOM = "a DICOM file"
_GE_KIND = (0x0043, 0x102F)
_SAME_PLACE_MM = 0.1
_EVEN = 0.02  # of the distance of slices


def is_dicom(path: Path) -> bool:
    """Whether it is a folder, or a DICOM file that is not named as another kind."""
    named = path.name.endswith((".nii", ".nii.gz"))
    return path.is_dir() or (not named and kind_of_file(path) == _DICOM)


def parts_in(folder: Path) -> frozenset[Part]:
    """Which parts of complex images there are among the DICOM files of a folder; reads all of them.

    Raises
    ------
    DataError
        If a file cannot be read, or has several frames.
    """
    found = (_part_of(image) for image in _images([folder]))
    return frozenset(part for part in found if part is not None)


def dicom_part(part: Part, paths: Sequence[Path]) -> ImagePart:
    """Echoes of one part among the images of files and folders, in the order of their times.

    Parts are told apart by the standard's ComplexImageComponent, by GE's private number, or by the
    words of ImageType that Siemens and Philips write.

    Raises
    ------
    DataError
        If there is no image of that part, several series have it, slices are missing or double,
        or the images are of several frames.
    """
    images = [image for image in _images(paths) if _part_of(image) is part]
    where = ", ".join(sorted({path.name for path in paths}))
    if not images:
        raise DataError(f"{where}: found no DICOM image of the {part.value}")
    series = {str(image.get("SeriesInstanceUID", "")) for image in images}
    if len(series) > 1:
        numbers = ", ".join(sorted({str(image.get("SeriesNumber", "?")) for image in images}))
        raise DataError(
            f"{where}: found {part.value} images of {len(series)} series (numbers {numbers}), "
            "needed one; give its files alone"
        )
    return _DicomPart(images, where)


class _DicomPart(ImagePart):
    def __init__(self, images: Sequence[pydicom.Dataset], where: str) -> None:
        times = sorted({float(image.get("EchoTime") or 0) for image in images})
        echoes = [[i for i in images if float(i.get("EchoTime") or 0) == t] for t in times]
        stacks = [stacked_slices(_checked(echo, where)) for echo in echoes]
        self.geometry = stacks[0][1]
        name, beside = f"an echo of {where}", "the first"
        self.values = np.stack(
            [turned_to(*stack, self.geometry, names=(name, beside)) for stack in stacks]
        )
        self.sidecars = [_facts(echo[0]) for echo in echoes]
        self.name = _name(images[0], where)
        self.source, self.is_placed = "DICOM", True
        self.ids = ids_of(images[0])
        self._rescaled = [float(images[0].get(tag, default)) for tag, default in _RESCALE]

    def as_stored(self) -> NDArray[np.generic]:
        slope, intercept = self._rescaled
        return (np.asarray(self.values, np.float32) - np.float32(intercept)) / np.float32(slope)


_RESCALE = (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))


def _images(paths: Sequence[Path]) -> Iterator[pydicom.Dataset]:
    """All DICOM images, in the order of their names."""
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            kind = kind_of_file(file)
            if kind != _DICOM and path.is_dir():
                continue
            if kind != _DICOM:
                raise DataError(f"{file.name}: found {kind} beside DICOM, needed one of both")
            try:
                image = pydicom.dcmread(file)
            except (InvalidDicomError, OSError, EOFError) as e:
                raise DataError(f"{file.name}: cannot be read as DICOM: {e}") from e
            if int(image.get("NumberOfFrames") or 1) > 1:
                raise DataError(
                    f"{file.name}: found DICOM of several frames, needed one image a file; "
                    "a converter to NIfTI reads it"
                )
            if "PixelData" in image:
                yield image


def _part_of(image: pydicom.Dataset) -> Part | None:
    component = part_by_words([image.get("ComplexImageComponent", "")])
    private = image.get(_GE_KIND)
    of_ge = None if private is None else part_by_number(private.value)
    return component or of_ge or part_by_words(list(image.get("ImageType", ()))[2:])


def _checked(images: Sequence[pydicom.Dataset], where: str) -> list[pydicom.Dataset]:
    """Slices of one echo that are all there, once each."""
    try:
        row, column = np.array(images[0].ImageOrientationPatient, float).reshape(2, 3)
        places = np.array([image.ImagePositionPatient for image in images], float)
    except (AttributeError, ValueError) as e:
        raise DataError(f"{where}: found images without a place in the patient: {e}") from e
    steps = np.diff(np.sort(places @ np.cross(row, column)))
    if steps.size and steps.min() < _SAME_PLACE_MM:
        if not all(image.get("EchoTime") for image in images):
            raise DataError(f"{where}: found images without EchoTime, needed it to sort the echoes")
        raise DataError(f"{where}: found two images of one echo at one place, needed one scan")
    if steps.size and np.ptp(steps) > _EVEN * float(np.median(steps)):
        raise DataError(
            f"{where}: found slices {steps.min():.3g} … {steps.max():.3g} mm apart, "
            "needed all of them, evenly"
        )
    return list(images)


def _facts(image: pydicom.Dataset) -> dict[str, object]:
    """What a sidecar would say, in its words."""
    facts: dict[str, object] = {
        "ImageType": [str(word) for word in image.get("ImageType", ())],
        "Manufacturer": str(image.get("Manufacturer", "")),
        "SequenceName": str(image.get("SequenceName", "")),
    }
    if image.get("EchoTime"):
        facts["EchoTime"] = s_from_ms(float(image.EchoTime))
    if image.get("MagneticFieldStrength"):
        facts["MagneticFieldStrength"] = _tesla(float(image.MagneticFieldStrength))
    return facts


def _tesla(field: float) -> float:
    """Old software of GE writes gauss."""
    return field / 1e4 if field > 1e3 else field


def _name(image: pydicom.Dataset, where: str) -> str:
    words = str(image.get("ProtocolName") or image.get("SeriesDescription") or where)
    return re.sub(r"[^A-Za-z0-9.-]+", "-", words).strip("-.") or "scan"
