"""Volumes read back from a folder of results: NIfTI with sidecars, MRD images, or DICOM."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.mrd.files.hdf5_reader import read_images
from streamrecon.mrd.images.volumes_from_images import Stack, stacks_of
from streamrecon.output.preview.planes import Plane, middle_planes
from streamrecon.output.preview.tiles import PHASE_WINDOW, Window, positive_window, signed_window
from streamrecon.output.ras import from_ras

_HALF_TURN = 3.2  # rad: phase goes no further


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A volume as it is shown.

    Parameters
    ----------
    name
        That of its file, or of its series.
    planes
        Cuts through its middle.
    window
        Values drawn black and white, common to its planes.
    unit
        Of the values; empty where the scale is arbitrary.
    grid
        Where its voxels are.
    facts
        What stands beside it: names and values, as a person reads them.
    """

    name: str
    planes: Sequence[Plane]
    window: Window
    unit: str
    grid: Geometry
    facts: dict[str, str]


def pictures_of(folder: Path) -> list[Picture]:
    """All volumes of a folder, in the order of their names.

    Where the same scan stands there in several formats it is shown once: NIfTI if there is any,
    else MRD images, else DICOM, looked for in subfolders too.

    Raises
    ------
    ConfigError
        If there is nothing to show.
    DataError
        If a file cannot be read.
    """
    for suffixes, read in _READERS:
        files = sorted(file for suffix in suffixes for file in folder.rglob(f"*{suffix}"))
        shown = [file for file in files if not file.name.startswith(".")]
        pictures = list(read(folder, shown)) if shown else []
        if pictures:
            return pictures
    raise ConfigError(f"{folder}: found no NIfTI, MRD or DICOM images")


def _niftis(folder: Path, files: list[Path]) -> Iterator[Picture]:
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
            unit = facts.get("Units", "")
            yield _picture(name + which, values, grid, unit=unit, facts=facts)


def _volumes(data: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    """The three-dimensional volumes of a file."""
    flat = data.reshape(*data.shape[:3], -1) if data.ndim >= 3 else data[..., None, None]
    for n in range(flat.shape[3]):
        yield flat[..., n]


def _sidecar(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DataError(f"{path.name}: no JSON: {e}") from e
    if not isinstance(facts, dict):
        return {}
    return {
        str(name): "; ".join(map(str, fact)) if isinstance(fact, list) else str(fact)
        for name, fact in facts.items()
    }


def _mrds(folder: Path, files: list[Path]) -> Iterator[Picture]:
    for file in files:
        for stack in stacks_of(read_images(file)):
            name = f"{file.relative_to(folder).with_suffix('')} {stack.label}"
            yield _picture(
                name, stack.values, stack.geometry, unit=stack.unit, facts=_facts_of(stack)
            )


def _facts_of(stack: Stack) -> dict[str, str]:
    echo = {} if stack.te_s is None else {"EchoTime": f"{stack.te_s:g}"}
    said = {"ImageComments": "; ".join(stack.comments)} if stack.comments else {}
    return {**echo, "Repetition": str(stack.repetition + 1), **said}


def _dicoms(folder: Path, files: list[Path]) -> Iterator[Picture]:
    series: dict[tuple[str, str, str], list[pydicom.Dataset]] = {}
    for file in files:
        try:
            image = pydicom.dcmread(file)
        except (InvalidDicomError, OSError) as e:
            raise DataError(f"{file.relative_to(folder)}: cannot be read: {e}") from e
        tags = ("SeriesInstanceUID", "EchoNumbers", "TemporalPositionIdentifier")
        key = tuple(str(image.get(tag, "")) for tag in tags)
        series.setdefault((key[0], key[1], key[2]), []).append(image)
    for images in series.values():
        values, grid = _stacked(images)
        first = images[0]
        tags = ("SeriesNumber", "EchoTime", "ImageComments")
        facts = {tag: str(first[tag].value) for tag in tags if tag in first}
        unit = str(first.get("RescaleType", "")).replace("US", "")
        name = str(first.get("SeriesDescription", "series"))
        yield _picture(name, values, grid, unit=unit, facts=facts)


def _stacked(images: list[pydicom.Dataset]) -> tuple[NDArray[np.float32], Geometry]:
    """Slices of one series in the order of their positions, and their grid."""
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
    stored = image.pixel_array.astype(np.float32)
    return np.asarray(stored * np.float32(slope) + np.float32(intercept), np.float32)


def _picture(
    name: str,
    values: NDArray[np.generic],
    grid: Geometry,
    *,
    unit: str,
    facts: dict[str, str],
) -> Picture:
    """The volume's cuts and window; of complex numbers the magnitude."""
    shown = np.abs(values) if np.iscomplexobj(values) else values
    planes = middle_planes(shown, grid)
    unit = "" if unit == "arbitrary" else unit
    return Picture(name, planes, _window(planes, unit), unit, grid, facts)


def _window(planes: Sequence[Plane], unit: str) -> Window:
    pixels = [plane.pixels.astype(np.float32) for plane in planes]
    low = min((float(np.nanmin(p)) for p in pixels if np.isfinite(p).any()), default=0.0)
    high = max((float(np.nanmax(p)) for p in pixels if np.isfinite(p).any()), default=0.0)
    if unit == "rad" and max(-low, high) <= _HALF_TURN:
        return PHASE_WINDOW
    if low < 0:
        return signed_window(pixels)
    window = positive_window(pixels)
    return window if window.high > 0 else Window(0.0, high or 1.0)  # thin masks


_READERS: tuple[tuple[Sequence[str], Callable[[Path, list[Path]], Iterator[Picture]]], ...] = (
    ((".nii", ".nii.gz"), _niftis),
    (("_images.h5", ".mrd"), _mrds),
    ((".dcm",), _dicoms),
)
