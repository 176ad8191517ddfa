"""Reads volumes in any format we write, scan by scan: NIfTI with sidecars, MRD images, or DICOM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray
from pydicom import uid
from pydicom.errors import InvalidDicomError

from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.files.hdf5_process import read_images
from streamrecon.mrd.images.volumes_from_images import Stack, stacks_of
from streamrecon.output.ras import from_ras
from streamrecon.output.sidecar import json_facts
from streamrecon.output.volumes import in_unit_of
from streamrecon.units import s_from_ms

_BY_LABEL = {quantity.label: quantity for quantity in Quantity}
_OF_READINGS = frozenset(
    {
        uid.SegmentationStorage,
        uid.ParametricMapStorage,
        uid.Comprehensive3DSRStorage,
        uid.SecondaryCaptureImageStorage,
    }
)
"""What is made of volumes and lies beside them: no volume of the scan."""
_OF_ONE_VOLUME = ("echo-", "part-", "desc-")  # words of a BIDS name that no scan has as a whole


@dataclass(frozen=True, slots=True, eq=False)
class StoredVolume:
    """A volume as a file has it.

    Parameters
    ----------
    name
        That of its file, or of its series.
    values
        [Z, Y, X], in ``unit``.
    geometry
        Their grid.
    unit
        Empty where the scale is arbitrary or the file does not say.
    quantity
        What the numbers are, where the file says it in our words.
    te_s, b0_t
        Echo time [s] and field [T], where the file says them.
    facts
        What stands beside it: names and values, as a person reads them.
    """

    name: str
    values: NDArray[np.generic]
    geometry: Geometry
    unit: str
    quantity: Quantity | None
    te_s: float | None
    b0_t: float | None
    facts: dict[str, str]
    scan: str = ""
    """What it belongs to, as far as names and numbers tell; never a person's."""


def volumes_at(place: Path) -> list[StoredVolume]:
    """All volumes of a folder, in the order of their names, or those of one file.

    Where the same scan stands in a folder in several formats it is read once: NIfTI if there is
    any, else MRD images, else DICOM, looked for in subfolders too.

    Raises
    ------
    ConfigError
        If there is nothing to read.
    DataError
        If a file cannot be read.
    """
    return [volume for scan in scans_at(place) for volume in scan]


def scans_at(place: Path) -> Iterator[list[StoredVolume]]:
    """The volumes of one scan after the other, so that of a cohort one is in memory at a time.

    All of DICOM is read at once: its file names tell nothing. Raises as `volumes_at`.
    """
    if not place.exists():
        raise ConfigError(f"{place}: found no such file or folder")
    folder = place if place.is_dir() else place.parent
    for suffixes, scan_of, read in _READERS:
        files = sorted(file for suffix in suffixes for file in _files(place, suffix))
        shown = [file for file in files if not file.name.startswith(".")]
        found = False
        for _, group in groupby(sorted(shown, key=scan_of), key=scan_of):
            scans: dict[str, list[StoredVolume]] = {}
            for volume in read(folder, list(group)):
                scans.setdefault(volume.scan, []).append(volume)
            found = found or bool(scans)
            yield from scans.values()
        if found:
            return
    raise ConfigError(f"{place}: found no NIfTI, MRD or DICOM images")


def _files(place: Path, suffix: str) -> Iterator[Path]:
    if place.is_dir():
        yield from place.rglob(f"*{suffix}")
    elif place.name.endswith(suffix.removeprefix("_images")):
        yield place


def _niftis(folder: Path, files: list[Path]) -> Iterator[StoredVolume]:
    for file in files:
        try:
            image = nibabel.load(file)
            data = np.asanyarray(image.dataobj)
        except (ImageFileError, OSError, EOFError) as e:
            raise DataError(f"{file.name}: cannot be read: {e}") from e
        stem = file.name.removesuffix(".gz").removesuffix(".nii")
        facts = _sidecar(file.with_name(f"{stem}.json"))
        name = str(file.relative_to(folder).with_name(stem))
        for n, volume in enumerate(_volumes(data), start=1):
            values, grid = from_ras(volume, image.affine)
            which = f" [{n}]" if data.ndim > 3 else ""
            quantity, unit = _BY_LABEL.get(facts.get("Quantity", "")), facts.get("Units", "")
            if quantity is not None:
                values, unit = in_unit_of(quantity, values, unit, name), quantity.unit
            yield StoredVolume(
                name + which,
                values,
                grid,
                unit="" if unit == "arbitrary" else unit,
                quantity=quantity,
                te_s=_number(facts.get("EchoTime")),
                b0_t=_number(facts.get("MagneticFieldStrength")),
                facts=facts,
                scan=str(Path(_named_scan(file)).relative_to(folder)),
            )


def _named_scan(file: Path) -> str:
    """The path without what tells volumes of a scan apart: echo, part, description, suffix."""
    stem = file.name.removesuffix(".gz").removesuffix(".nii")
    words = [word for word in stem.split("_")[:-1] if not word.startswith(_OF_ONE_VOLUME)]
    return str(file.parent / "_".join(words))


def _volumes(data: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    """The three-dimensional volumes of a file."""
    flat = data.reshape(*data.shape[:3], -1) if data.ndim >= 3 else data[..., None, None]
    for n in range(flat.shape[3]):
        yield flat[..., n]


def _sidecar(path: Path) -> dict[str, str]:
    facts = json_facts(path)
    return {
        str(name): "; ".join(map(str, fact)) if isinstance(fact, list) else str(fact)
        for name, fact in facts.items()
    }


def _mrds(folder: Path, files: list[Path]) -> Iterator[StoredVolume]:
    for file in files:
        for stack in stacks_of(read_images(file)):
            name = f"{file.relative_to(folder).with_suffix('')} {stack.label}"
            yield StoredVolume(
                name,
                stack.values,
                stack.geometry,
                unit="" if stack.unit == "arbitrary" else stack.unit,
                quantity=_BY_LABEL.get(stack.label),
                te_s=stack.te_s,
                b0_t=None,
                facts=_facts_of(stack),
                scan=_repeated(str(file.relative_to(folder).with_suffix("")), stack.repetition + 1),
            )


def _repeated(scan: str, number: int) -> str:
    return f"{scan} repetition {number}" if number > 1 else scan


def _facts_of(stack: Stack) -> dict[str, str]:
    echo = {} if stack.te_s is None else {"EchoTime": f"{stack.te_s:g}"}
    comments = {"ImageComments": "; ".join(stack.comments)} if stack.comments else {}
    return {**echo, "Repetition": str(stack.repetition + 1), **comments}


def _dicoms(folder: Path, files: list[Path]) -> Iterator[StoredVolume]:
    series: dict[tuple[str, str, str], list[pydicom.Dataset]] = {}
    for file in files:
        try:
            image = pydicom.dcmread(file)
        except (InvalidDicomError, OSError) as e:
            raise DataError(f"{file.relative_to(folder)}: cannot be read: {e}") from e
        if image.get("SOPClassUID") in _OF_READINGS:
            continue
        tags = ("SeriesInstanceUID", "EchoNumbers", "TemporalPositionIdentifier")
        key = tuple(str(image.get(tag, "")) for tag in tags)
        series.setdefault((key[0], key[1], key[2]), []).append(image)
    for images in series.values():
        yield _of_series(images)


def _of_series(images: list[pydicom.Dataset]) -> StoredVolume:
    """One volume of DICOM slices, in the unit of the model where its kind is one of ours."""
    first = images[0]
    values, grid = stacked_slices(images)
    tags = ("SeriesNumber", "EchoTime", "ImageComments")
    name, te_ms = str(first.get("SeriesDescription", "series")), first.get("EchoTime")
    quantity = _quantity_of(name, first.get("ImageType", ()))
    unit = str(first.get("RescaleType", "")).replace("US", "")
    form = None if quantity is None else quantity.dicom
    if quantity is not None and form is not None:
        values, unit = values / np.float32(form.per_unit), quantity.unit
    return StoredVolume(
        name,
        values,
        grid,
        unit=unit,
        quantity=quantity,
        te_s=s_from_ms(float(te_ms)) if te_ms else None,
        b0_t=_number(first.get("MagneticFieldStrength")),
        facts={tag: str(first[tag].value) for tag in tags if tag in first},
        scan=_dicom_scan(first, name if form is None else name.removesuffix(form.suffix)),
    )


def _dicom_scan(image: pydicom.Dataset, protocol: str) -> str:
    """The protocol's name, and the end of the study's UID, which names nobody."""
    study = str(image.get("StudyInstanceUID", ""))[-6:]
    number = image.get("TemporalPositionIdentifier") or 1
    return _repeated(f"{protocol.strip('_ ')} of study {study}", int(number))


def _quantity_of(description: str, image_type: Sequence[str]) -> Quantity | None:
    """What a series holds that was stored by our table; ``None`` for one of others."""
    for quantity in Quantity:
        form = quantity.dicom
        if form is None or not description.endswith(form.suffix):
            continue
        if tuple(image_type) == form.image_type:
            return quantity
    return None


def stacked_slices(
    images: Sequence[pydicom.Dataset],
) -> tuple[NDArray[np.float32], Geometry]:
    """Slices of one series in the order of their positions, and their grid.

    Raises
    ------
    DataError
        If an image has no place in the patient, or no pixels that can be read.
    """
    try:
        row, column = np.array(images[0].ImageOrientationPatient, float).reshape(2, 3)
        normal = np.cross(row, column)
        place = np.array([image.ImagePositionPatient for image in images], float)
        order = np.argsort(place @ normal, kind="stable")
        values = np.stack([_rescaled(images[n]) for n in order])
        spacing = [float(mm) for mm in images[0].PixelSpacing]
        thickness = float(images[0].SliceThickness)
    except (AttributeError, ValueError) as e:
        raise DataError(f"DICOM series: no place in the patient: {e}") from e
    steps = np.diff(place[order] @ normal)
    apart = float(np.median(steps)) if steps.size and np.median(steps) > 0 else thickness
    nz, ny, nx = values.shape
    middle = place[order][nz // 2] + column * spacing[0] * (ny // 2) + row * spacing[1] * (nx // 2)
    left, posterior, superior = (float(mm) for mm in middle)
    voxel_mm = (apart, spacing[0], spacing[1])
    axes = np.stack([normal, column, row])
    return values, Geometry((nz, ny, nx), voxel_mm, axes, (left, posterior, superior))


def _rescaled(image: pydicom.Dataset) -> NDArray[np.float32]:
    slope, intercept = image.get("RescaleSlope", 1), image.get("RescaleIntercept", 0)
    try:
        stored = image.pixel_array.astype(np.float32)
    except (AttributeError, ValueError, RuntimeError, NotImplementedError) as e:
        name = Path(str(getattr(image, "filename", None) or "DICOM")).name
        raise DataError(
            f"{name}: found pixels that are cut short or cannot be unpacked: {e}"
        ) from e
    return np.asarray(stored * np.float32(slope) + np.float32(intercept), np.float32)


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


_Read = Callable[[Path, list[Path]], Iterator[StoredVolume]]
_READERS: tuple[tuple[Sequence[str], Callable[[Path], str], _Read], ...] = (
    ((".nii", ".nii.gz"), _named_scan, _niftis),
    (("_images.h5", ".mrd"), str, _mrds),
    ((".dcm",), lambda _: "", _dicoms),
)
