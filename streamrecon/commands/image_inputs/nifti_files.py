"""Opens NIfTI files made elsewhere; what cannot be read is refused with its name and kind."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.file_kinds import kind_of_file
from streamrecon.output.sidecar import json_facts


def load_nifti(path: Path) -> nibabel.Nifti1Image:
    """Image of 3 or 4 dimensions, whose values are not read yet.

    Raises
    ------
    DataError
        If the file is none.
    """
    try:
        image = nibabel.load(path)
    except (OSError, EOFError, ValueError, zlib.error, ImageFileError) as e:
        raise DataError(
            f"{path}: found {kind_of_file(path)}, needed NIfTI ({_first_line(e)})"
        ) from e
    if not isinstance(image, nibabel.Nifti1Image) or len(image.shape) not in {3, 4}:
        raise DataError(f"{path}: found shape {image.shape}, needed NIfTI of 3 or 4 dimensions")
    return image


def values_of(image: nibabel.Nifti1Image, path: Path) -> NDArray[np.generic]:
    """Values of an image in the file's own order, scaled as it says.

    Raises
    ------
    DataError
        If the file is cut short or damaged.
    """
    try:
        return np.asanyarray(image.dataobj)
    except (OSError, EOFError, ValueError, zlib.error) as e:
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
