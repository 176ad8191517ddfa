"""Opens NIfTI files made elsewhere; what cannot be read is refused with its name and kind."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.file_kinds import kind_of_file
from streamrecon.output.sidecar import json_facts

_MM = {"micron": 1e-3, "meter": 1e3}
_VOXEL_MM = (0.01, 50.0)
_SCANNER = 1  # of the codes of qform and sform: the others are spaces of atlases and other scans
_TURNED_DEG = 1.0
_SHEARED = 1e-3  # cosine between two axes


_UNREADABLE = (OSError, EOFError, ValueError, zlib.error, ImageFileError, HeaderDataError)


def load_nifti(path: Path) -> nibabel.Nifti1Image:
    """Image of 3 or 4 dimensions, whose values are not read yet, placed in mm as the scanner was.

    Where qform and sform place the axes differently, the one that is the scanner's counts: B0 lies
    along it. Lengths in micrometres or metres are turned into mm.

    Raises
    ------
    DataError
        If the file is none, has values of several parts, or does not say where the scanner was.
    """
    try:
        image = nibabel.load(path)
    except _UNREADABLE as e:
        raise DataError(
            f"{path}: found {kind_of_file(path)}, needed NIfTI ({_first_line(e)})"
        ) from e
    if not isinstance(image, nibabel.Nifti1Image):
        kind = type(image).__name__.removesuffix("Image")
        raise DataError(f"{path}: found {kind}, needed NIfTI in one file (.nii or .nii.gz)")
    if len(image.shape) not in {3, 4}:
        shape = " × ".join(str(n) for n in image.shape)
        raise DataError(f"{path}: found {shape} voxels, needed NIfTI of 3 or 4 dimensions")
    if image.get_data_dtype().fields is not None:
        raise DataError(f"{path}: found voxels of {image.get_data_dtype()}, needed one number each")
    return _placed(image, path)


def _placed(image: nibabel.Nifti1Image, path: Path) -> nibabel.Nifti1Image:
    """The image with the affine that is the scanner's, in mm."""
    affine = _scanner_affine(image, path)
    scale = _MM.get(image.header.get_xyzt_units()[0], 1.0)
    affine = np.diag([scale, scale, scale, 1.0]) @ affine
    low, high = _VOXEL_MM
    voxel_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or voxel_mm.min() < low or voxel_mm.max() > high:
        shown = " × ".join(f"{mm:.4g}" for mm in voxel_mm)
        raise DataError(f"{path}: found voxels of {shown} mm, needed {low:g} to {high:g}")
    along = affine[:3, :3] / voxel_mm
    if np.abs(along.T @ along - np.eye(3)).max() > _SHEARED:
        raise DataError(f"{path}: found axes that are not at right angles, needed a plain grid")
    if np.array_equal(affine, image.affine):
        return image
    return nibabel.Nifti1Image(image.dataobj, affine, image.header)


def _scanner_affine(image: nibabel.Nifti1Image, path: Path) -> NDArray[np.float64]:
    """By sform, but where only the qform is the scanner's and they differ."""
    (by_q, of_q), (by_s, of_s) = image.get_qform(coded=True), image.get_sform(coded=True)
    if not of_q or not of_s or by_q is None or by_s is None:
        return np.asarray(image.affine, np.float64)
    sizes = [np.linalg.norm(each[:3, :3], axis=0) for each in (by_q, by_s)]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = [each[:3, :3] / size for each, size in zip((by_q, by_s), sizes, strict=True)]
    cosine = (along[0] * along[1]).sum(axis=0).min()
    is_turned = not cosine >= np.cos(np.radians(_TURNED_DEG))
    if not is_turned and np.allclose(sizes[0], sizes[1], rtol=0.01):
        return np.asarray(image.affine, np.float64)
    if (of_q == _SCANNER) == (of_s == _SCANNER):
        raise DataError(
            f"{path}: found axes that qform (code {of_q}) and sform (code {of_s}) place "
            "differently, needed the scanner's in one of them: B0 lies along it"
        )
    return np.asarray(by_q if of_q == _SCANNER else by_s, np.float64)


def values_of(image: nibabel.Nifti1Image, path: Path) -> NDArray[np.generic]:
    """Values of an image in the file's own order, scaled as it says.

    Raises
    ------
    DataError
        If the file is cut short or damaged.
    """
    try:
        return np.asanyarray(image.dataobj)
    except _UNREADABLE as e:
        raise DataError(f"{path}: cut short or damaged: {_first_line(e)}") from e


def is_placed(image: nibabel.Nifti1Image) -> bool:
    """Whether the file says how its axes lie in the patient."""
    return bool(image.header["sform_code"] or image.header["qform_code"])


def by_echo(data: NDArray[np.generic]) -> NDArray[np.generic]:
    """[X, Y, Z] or [X, Y, Z, E] as [E, Z, Y, X], a view."""
    return data.reshape(*data.shape[:3], -1).T


def sidecar_beside(path: Path) -> dict[str, object]:
    """The JSON beside a file; empty where there is none.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    return json_facts(path.with_name(re.sub(r"\.nii(\.gz)?$", "", path.name) + ".json"))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:120] or type(error).__name__
