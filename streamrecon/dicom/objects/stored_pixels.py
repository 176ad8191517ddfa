"""Scales the numbers of a volume to 16-bit integers, and counts what does not fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.images import Volume
from streamrecon.model.outputs.storage_form import StorageForm


@dataclass(frozen=True, slots=True, eq=False)
class StoredPixels:
    """Integers of a volume.

    Parameters
    ----------
    pixels
        [Z, Y, X], int16 or uint16, little-endian.
    scale
        Stored steps per unit of the model.
    n_saturated
        Voxels beyond the range, stored as its end.
    """

    pixels: NDArray[np.integer]
    scale: float
    n_saturated: int


def store(volume: Volume, row: StorageForm, scale: float) -> StoredPixels:
    """Round to steps of ``1 / scale`` of the model's unit."""
    dtype: np.dtype[np.integer] = np.dtype("<i2" if row.signed else "<u2")
    steps = np.rint(volume.in_unit().real * np.float64(scale))
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    n_saturated = int(np.count_nonzero((steps < low) | (steps > high)))
    return StoredPixels(np.clip(steps, low, high).astype(dtype), scale, n_saturated)


def fixed_scale(row: StorageForm) -> float:
    """Stored steps per unit of the model, for a quantity that has a unit."""
    return row.per_unit / row.slope


def free_scale(volume: Volume, *, bits: int = 16) -> float:
    """Power of two that brings the brightest voxel into the upper half of all bits but one.

    Half of the range is left for later images of the kind. A power of two changes no digit of a
    float; integers are stored as they are.
    """
    if np.issubdtype(volume.values.dtype, np.integer):
        return 1.0 / (volume.rescale or (1.0, 0.0))[0]
    values = volume.in_unit().real
    top = float(np.max(values, where=np.isfinite(values), initial=0.0))
    return 2.0 ** (bits - 1 - math.frexp(top)[1]) if top > 0 else 1.0


def window_of(stored: StoredPixels, row: StorageForm) -> tuple[float, float]:
    """Centre and width of a viewer's window, in the units that a viewer shows."""
    if row.window is not None:
        return row.window
    sample = stored.pixels[:, ::4, ::4]
    top = max(float(np.percentile(sample, 99.5)), 2.0)
    return float(round(top / 2)), float(round(top))
