"""Takes off what the shading of coils leaves near the surface of a brain.

Coils stay where they are when a head turns. Near the surface they see most, and there a smooth mean
has neighbours on one side alone: it is too low where brightness rises outwards, and a rim stays
that lies as the coils do. A plane through the neighbours, read at the voxel, has no such lack.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, gaussian_filter

from streamrecon.model.geometry import Geometry

Real = NDArray[np.float32]
Double = NDArray[np.float64]
Flags = NDArray[np.bool_]

_SMOOTHING_MM = 10.0
_BLOCK_MM = 5.0
_NEAR = 1e-9  # of a voxel: no neighbours
_FLAT = 1e-3  # weight of no slope, where the neighbours lie in one plane
_LEAST = 0.2  # of the mean brightness: a plane may fall below 0 beside a bright vessel


def evened(image: NDArray[np.floating], mask: Flags, geometry: Geometry) -> Real:
    """The image over its smooth brightness in the mask [Z, Y, X], 0 outside.

    The brightness is the local linear regression with a Gaussian of 10 mm standard deviation,
    worked out on blocks of some 5 mm and read between their centres.

    Parameters
    ----------
    image
        [Z, Y, X], any unit, positive in the mask.
    mask
        The brain [Z, Y, X]; not empty.
    geometry
        Their grid.

    Notes
    -----
    Broad differences between tissues go with it, those of some 10 mm in part. Cost: fourteen sums
    over blocks.

    References
    ----------
    Hastie and Loader (1993) Statist Sci 8:120. doi:10.1214/ss/1177011002
    """
    blocks = [max(1, round(_BLOCK_MM / mm)) for mm in geometry.voxel_mm]
    size = np.array(blocks) * geometry.voxel_mm / _SMOOTHING_MM
    low = _plane_at_centres(np.where(mask, image, 0).astype(np.float32), mask, blocks, size)
    step = np.array(blocks, np.float64)
    smooth = affine_transform(
        low,
        1 / step,
        offset=-(step - 1) / (2 * step),
        output_shape=mask.shape,
        order=1,
        mode="nearest",
    )
    floor = _LEAST * float(np.mean(image[mask]))
    return np.where(mask, image / np.maximum(smooth, floor), 0).astype(np.float32)


def _plane_at_centres(image: Real, mask: Flags, blocks: list[int], size: Double) -> Real:
    """Brightness of the blocks [z, y, x] by a weighted plane about each of their centres.

    Lengths are in smoothings, ``size`` is that of a block.
    """
    inside = mask.astype(np.float32)
    axes = np.ogrid[tuple(slice(n) for n in mask.shape)]
    places = [
        ((i + 0.5) / b * s).astype(np.float32) for i, b, s in zip(axes, blocks, size, strict=True)
    ]

    def near(values: Real) -> Double:
        return np.asarray(gaussian_filter(_block_sums(values, blocks), 1 / size, mode="constant"))

    count, total = near(inside), near(image)
    first = [near(inside * x) for x in places]
    centres = [
        c * s for c, s in zip(np.ogrid[tuple(slice(n) for n in count.shape)], size, strict=True)
    ]
    centres = [c + s / 2 for c, s in zip(centres, size, strict=True)]
    matrix, right = np.empty((*count.shape, 4, 4)), np.empty((*count.shape, 4))
    matrix[..., 0, 0], right[..., 0] = count, total
    for i, x in enumerate(places):
        matrix[..., 0, i + 1] = matrix[..., i + 1, 0] = first[i] - centres[i] * count
        right[..., i + 1] = near(image * x) - centres[i] * total
    for i, j in combinations_with_replacement(range(3), 2):
        second = near(inside * places[i] * places[j]) + centres[i] * centres[j] * count
        second -= centres[i] * first[j] + centres[j] * first[i]
        matrix[..., i + 1, j + 1] = matrix[..., j + 1, i + 1] = second + (i == j) * _FLAT * count
    known = count > _NEAR
    low = np.full(count.shape, total.sum() / count.sum())
    low[known] = np.linalg.solve(matrix[known], right[known][..., None])[:, 0, 0]
    return low.astype(np.float32)


def _block_sums(values: Real, blocks: list[int]) -> Double:
    filled = np.pad(values, [(0, -n % b) for n, b in zip(values.shape, blocks, strict=True)])
    nz, ny, nx = (n // b for n, b in zip(filled.shape, blocks, strict=True))
    bz, by, bx = blocks
    table = filled.reshape(nz, bz, ny, by, nx, bx)
    return np.asarray(table.sum(axis=(1, 3, 5), dtype=np.float64))
