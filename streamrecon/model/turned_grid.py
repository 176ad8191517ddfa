"""Turns an array onto another grid of the same voxels: axes in another order, none resampled."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.geometry import Geometry

T = TypeVar("T", bound=np.generic)
_Order = tuple[list[int], list[int]]


def turned_to(
    values: NDArray[T],
    grid: Geometry,
    target: Geometry,
    *,
    names: tuple[str, str] = ("volume", "the target"),
    tolerance_mm: float = 0.1,
) -> NDArray[T]:
    """The values [..., Z, Y, X] of ``grid`` in the order of ``target``; a view.

    Files of one scan name the same voxels in different orders: NIfTI by R, A, S, DICOM along the
    normal of its slices, a header along the axes of the acquisition, whichever hand that makes.

    Parameters
    ----------
    values
        [..., Z, Y, X], of any type.
    grid, target
        Theirs, and that of the result.
    names
        What has ``grid`` and what has ``target``, for the error.
    tolerance_mm
        Between the same voxels.

    Raises
    ------
    DataError
        If the voxels do not lie in the same places; with the difference that turning leaves.
    """
    order, backward = _order(grid, target)
    turned = _turned(grid, order, backward)
    if not turned.same_as(target, tolerance_mm=tolerance_mm):
        apart = turned.apart_from(target)
        raise DataError(f"{names[0]}: lies on another grid than {names[1]}: {apart}")
    echoes = values.ndim - 3
    axes = (*range(echoes), *(echoes + n for n in order))
    return np.flip(values.transpose(axes), tuple(echoes + n for n in backward))


def is_same_voxels(grid: Geometry, target: Geometry, *, tolerance_mm: float = 0.1) -> bool:
    """Whether both grids have the same voxels, in whatever order."""
    return _turned(grid, *_order(grid, target)).same_as(target, tolerance_mm=tolerance_mm)


def _order(grid: Geometry, target: Geometry) -> _Order:
    """Axis of ``grid`` that runs along each one of ``target``, and which of those run against it.

    Axes of grids that fit no better come in their own order: the places then tell.
    """
    along = target.axes_lps @ grid.axes_lps.T
    order = np.abs(along).argmax(axis=1).tolist()
    if sorted(order) != [0, 1, 2]:
        return [0, 1, 2], []
    return order, [n for n in range(3) if along[n, order[n]] < 0]


def _turned(grid: Geometry, order: list[int], backward: list[int]) -> Geometry:
    """The grid with its axes in another order and direction; every voxel stays in its place."""
    signs = np.array([-1.0 if n in backward else 1.0 for n in range(3)])
    middle = [0, 0, 0]
    for n, axis in enumerate(order):
        count = grid.shape[axis]
        middle[axis] = count - 1 - count // 2 if n in backward else count // 2
    left, posterior, superior, _ = grid.affine_lps() @ (*middle, 1)
    (z, y, x), voxel_mm = order, grid.voxel_mm
    return Geometry(
        (grid.shape[z], grid.shape[y], grid.shape[x]),
        (voxel_mm[z], voxel_mm[y], voxel_mm[x]),
        grid.axes_lps[order] * signs[:, None],
        (float(left), float(posterior), float(superior)),
    )
