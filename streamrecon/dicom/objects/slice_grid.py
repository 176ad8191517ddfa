"""The grid that single slices of DICOM lie on, in the order in which they come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset

from streamrecon.errors import DataError, HeaderError
from streamrecon.model.geometry import Geometry


def grid_of_slices(images: Sequence[Dataset]) -> Geometry:
    """Grid whose slices are the images, whichever way they run; of one slice, along its normal.

    Raises
    ------
    DataError
        If an image says no place in the patient, or they are not evenly spaced.
    """
    try:
        row, column = np.array(images[0].ImageOrientationPatient, float).reshape(2, 3)
        places = np.array([image.ImagePositionPatient for image in images], float)
        down, right = (float(mm) for mm in images[0].PixelSpacing)
        thickness = float(images[0].get("SliceThickness") or 1.0)
        shape = len(images), int(images[0].Rows), int(images[0].Columns)
    except (AttributeError, ValueError, TypeError) as e:
        raise DataError(f"DICOM series: no place in the patient: {e}") from e
    step = np.cross(row, column) * thickness
    if len(images) > 1:
        steps = np.diff(places, axis=0)
        step = steps.mean(axis=0)
        if np.abs(steps - step).max() > 0.1:
            raise DataError("DICOM series: found slices of uneven spacing")
    between = float(np.linalg.norm(step))
    nz, ny, nx = shape
    left, posterior, superior = (
        places[nz // 2] + column * down * (ny // 2) + row * right * (nx // 2)
    )
    try:
        return Geometry(
            shape,
            (between, down, right),
            np.stack([step / between, column, row]),
            (float(left), float(posterior), float(superior)),
        )
    except HeaderError as e:
        raise DataError(f"DICOM series: {e}") from e
