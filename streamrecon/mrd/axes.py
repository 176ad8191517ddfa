"""Converts between the wire's (x, y, z) and our (z, y, x); nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import HeaderError

T = TypeVar("T")
Vector = NDArray[np.float64]

_PARALLEL = 0.999  # cosine of 2.5 degrees: directions travel as float32 and rounded text
_SPACING = 0.05  # of the mean spacing: positions are rounded to hundredths of a millimetre


def swapped(triple: Sequence[T] | NDArray[np.generic]) -> tuple[T, T, T]:
    """(x, y, z) as (z, y, x), and back.

    >>> swapped((1, 2, 3))
    (3, 2, 1)
    """
    first, second, third = triple
    return third, second, first


def vector(header: np.void, name: str) -> Vector:
    """A direction or position of a header: its components are L, P, S."""
    return np.asarray(header[name], np.float64)


def axes_of(read: Vector, phase: Vector, slices: Vector) -> NDArray[np.float64] | None:
    """Rows z, y, x of a grid whose x runs along ``read``; ``None`` if all three are zero.

    Raises
    ------
    HeaderError
        If some are zero and some are not, or one is no direction.
    """
    axes = np.stack([slices, phase, read])
    lengths = np.linalg.norm(axes, axis=1)
    if not np.isfinite(lengths).all():
        raise HeaderError(f"directions: found {axes.tolist()}, needed finite numbers")
    if not lengths.any():
        return None
    if not lengths.all():
        raise HeaderError(f"directions: found {axes.round(4).tolist()}, needed none of length 0")
    unit: NDArray[np.float64] = axes / lengths[:, None]
    return unit


class Row(NamedTuple):
    """Where slices lie: the first one's position and the step to the next [mm]."""

    first: Vector
    step: Vector

    @property
    def spacing_mm(self) -> float:
        """Distance between neighbouring slices."""
        return float(np.linalg.norm(self.step))

    def at(self, index: int) -> Vector:
        """Position of a slice."""
        return self.first + index * self.step


def row_of(indices: NDArray[np.int64], positions: NDArray[np.float64]) -> Row:
    """The equidistant row through the slices at ``positions`` [N, 3], at least two of them.

    Raises
    ------
    HeaderError
        If the slices do not lie on a line at equal distances.
    """
    middle = indices.mean()
    away = indices - middle
    step = away @ positions / (away @ away)
    row = Row(positions.mean(axis=0) - middle * step, step)
    error = np.linalg.norm(row.first + indices[:, None] * step - positions, axis=1).max()
    if not row.spacing_mm > 0 or error > _SPACING * row.spacing_mm:
        raise HeaderError(
            f"position: found {len(indices)} slices {row.spacing_mm:.4g} mm apart with"
            f" deviations of {error:.4g} mm, needed equal distances"
        )
    return row


def check_parallel(row: Row, normal: Vector) -> None:
    """Refuse slices that are stacked askew.

    Raises
    ------
    HeaderError
        If the row does not run along ``normal`` or against it.
    """
    cosine = abs(float(row.step @ normal)) / row.spacing_mm
    if cosine < _PARALLEL:
        raise HeaderError(
            f"position: found slices stacked {np.degrees(np.arccos(min(cosine, 1))):.1f}° away from"
            " slice_dir, needed along it"
        )
