"""What a magnitude shows: where the object is, how bright without coils' shading, which tissues.

The object is a robust threshold, closed into a solid. Of the shading, blocks of some 8 mm are each
represented by a bright quantile of their tissue, and those are smoothed. What is flatter than the
smoothing is taken for the coils': broad differences between tissues are flattened with it, veins
and lesions are not.

Voxels of like decay are taken to be of one kind of tissue. Brightness is not asked: what is left of
the coils' shading makes kinds of it that are places. Nor is it asked what a kind is made of. Voxels
of a lesion and of a steep field, whose decay is no tissue's, join a class that they are unlike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, gaussian_filter, uniform_filter1d

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.model.geometry import Geometry

Real = NDArray[np.float32]
Double = NDArray[np.float64]
Classes = NDArray[np.int16]

OUTSIDE = -1
"""The class of a voxel outside the mask."""

_SAMPLES = 200_000  # quantiles of a part are those of the whole
_BLOCK_MM = 8.0
_QUANTILE = 0.75  # above most vessels and folds, below fat
_LEAST_FRACTION = 0.2  # of a block inside the head
_SMOOTHED_MM = 1.0  # noise would else make classes; a third of a cortex
_TAILS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35)  # nuclei and vessels are rare: fine at the ends
_BORDERS = (*_TAILS, 0.5, *(1 - part for part in reversed(_TAILS)))
_USUAL = (0.02, 0.98)  # quantiles, beyond which decay is that of fluid and vessels
_APART_MM, _ALIKE = 4.0, 0.1  # correlation of what is more than noise, smoothed over 1 mm
_FEWEST_ECHOES = 2
_TINY = 1e-20


def signal_mask(magnitude: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Voxels with signal [Z, Y, X], without specks and without holes.

    The threshold is the larger of five times the noise (mean of the darkest 15 %) and a fifth of
    the tissue (mean between the 80th and 99th percentile). A magnitude without any air, as after
    masking or in a crop, has no noise floor: the second rule alone then counts.

    Raises
    ------
    ReconError
        If the magnitude has no voxel above zero.
    """
    image = np.nan_to_num(np.asarray(magnitude, np.float32))
    sample = np.sort(image.ravel()[:: max(1, image.size // _SAMPLES)])
    if not sample[-1] > 0:
        raise ReconError("magnitude: found no voxel above zero, needed an image")
    threshold = _threshold(sample)
    solid = _box_mean(image > threshold, 5) > 0.4
    solid = binary_fill_holes(solid)
    for _ in range(2):
        solid = _box_mean(solid, 3) > 0.6
    return np.asarray(solid, np.bool_)


def _box_mean(inside: NDArray[np.bool_], size: int) -> Real:
    """Fraction of a box around each voxel that is inside; threads share each axis."""
    mean = inside.astype(np.float32)
    for axis in range(3):
        mean = _mean_along(mean, axis, size)
    return mean


def _mean_along(values: Real, axis: int, size: int) -> Real:
    mean = np.empty_like(values)
    across = int(axis == 0)

    def filtered(part: range) -> None:
        rows = (slice(None),) * across + (slice(part.start, part.stop),)
        uniform_filter1d(values[rows], size, axis, mean[rows], mode="nearest")

    at_once(filtered, values.shape[across])
    return mean


def correct_bias_field(
    magnitude: NDArray[np.floating],
    head: NDArray[np.bool_],
    geometry: Geometry,
    *,
    smoothing_mm: float = 10.0,
) -> Real:
    """Magnitude over its sensitivity, brought back to its mean brightness [Z, Y, X].

    Beyond the head the sensitivity goes on as at its edge, so that air stays dark. About two FFTs.

    Parameters
    ----------
    magnitude
        [Z, Y, X], any unit.
    head
        Voxels with signal [Z, Y, X].
    geometry
        Their grid.
    smoothing_mm
        Standard deviation of the Gaussian [mm].

    Raises
    ------
    ReconError
        If the head is empty.
    """
    if not head.any():
        raise ReconError("sensitivity: the head is empty, needed voxels with signal")
    blocks = [max(1, round(_BLOCK_MM / voxel)) for voxel in geometry.voxel_mm]
    level, fraction = _bright_blocks(np.asarray(magnitude, np.float32), head, blocks)
    size = [voxel * block for voxel, block in zip(geometry.voxel_mm, blocks, strict=True)]
    smooth = _carried_on(level, fraction, [smoothing_mm / mm for mm in size])
    fine = _between_centres(smooth, blocks, head.shape)
    even = magnitude / fine
    even *= float(magnitude[head].mean()) / float(even[head].mean())
    return np.asarray(even, np.float32)


def _threshold(ordered: NDArray[np.float32]) -> float:
    n = ordered.size
    tissue = float(ordered[int(0.8 * n) : max(int(0.99 * n), int(0.8 * n) + 1)].mean())
    for fraction in (0.15, 0.05):
        noise = float(ordered[: max(1, int(fraction * n))].mean())
        if noise <= tissue / 10:
            return max(5 * noise, tissue / 5)
    return tissue / 5


def _bright_blocks(
    magnitude: Real, head: NDArray[np.bool_], blocks: list[int]
) -> tuple[Real, Real]:
    """Quantile of the head's voxels in each block, and how much of it is head."""
    fill = [(0, -n % block) for n, block in zip(head.shape, blocks, strict=True)]
    values = np.pad(np.where(head, magnitude, np.float32(np.inf)), fill, constant_values=np.inf)
    nz, ny, nx = (n // block for n, block in zip(values.shape, blocks, strict=True))
    bz, by, bx = blocks
    table = values.reshape(nz, bz, ny, by, nx, bx).transpose(0, 2, 4, 1, 3, 5)
    rows = np.sort(table.reshape(nz * ny * nx, -1), axis=1)
    inside = np.isfinite(rows).sum(axis=1)
    at = np.maximum((inside * _QUANTILE).astype(np.int64), 0)
    level = np.take_along_axis(rows, at[:, None], axis=1)[:, 0]
    fraction = (inside / rows.shape[1]).astype(np.float32)
    known = fraction >= min(_LEAST_FRACTION, float(fraction.max()))
    shape = (nz, ny, nx)
    return np.where(known, level, 0).reshape(shape), np.where(known, fraction, 0).reshape(shape)


def _carried_on(level: Real, fraction: Real, sigma: list[float]) -> Real:
    """Weighted Gaussian mean, of wider and wider Gaussians where nothing is near."""
    top = bottom = np.zeros(())
    for width, weight in ((1, 1.0), (4, 1e-3), (16, 1e-6)):
        wide = [width * s for s in sigma]
        top = top + weight * gaussian_filter(level * fraction, wide, mode="constant")
        bottom = bottom + weight * gaussian_filter(fraction, wide, mode="constant")
    mean = float((level * fraction).sum() / fraction.sum())
    tiny = 1e-12
    return np.asarray((top + tiny * mean) / (bottom + tiny), np.float32)


def _between_centres(coarse: Real, blocks: list[int], shape: tuple[int, ...]) -> Real:
    """Linear interpolation between block centres, constant beyond the outer ones."""
    fine = coarse
    for axis, (block, n) in enumerate(zip(blocks, shape, strict=True)):
        centres = (np.arange(coarse.shape[axis]) + 0.5) * block - 0.5
        hats = [np.interp(np.arange(n), centres, hat) for hat in np.eye(len(centres))]
        fine = np.moveaxis(np.tensordot(np.array(hats, np.float32), fine, axes=(0, axis)), 0, axis)
    return np.ascontiguousarray(fine)


def tissue_classes(
    magnitude: NDArray[np.floating],
    te_s: Sequence[float],
    mask: NDArray[np.bool_],
    geometry: Geometry,
) -> Classes | None:
    """A number for each kind of tissue, from 0 on, and -1 outside the mask [Z, Y, X].

    At most sixteen parts by R2*, finer where voxels are few. Their borders are quantiles, so that
    no field strength matters. None for a single echo, and where decay is not alike 4 mm away: it is
    noise.

    Parameters
    ----------
    magnitude
        Of every echo [E, Z, Y, X], any unit.
    te_s
        Echo times [s].
    mask
        Tissue [Z, Y, X].
    geometry
        Its grid.
    """
    if not mask.any() or len(te_s) < _FEWEST_ECHOES:
        return None
    width = [_SMOOTHED_MM / side for side in geometry.voxel_mm]
    blurred = gaussian_filter(_in_place(_decay(magnitude, te_s, mask), mask), width)[mask]
    decay = blurred / gaussian_filter(mask.astype(np.float32), width)[mask]
    if not _is_alike_nearby(decay, mask, geometry):
        return None
    kinds = np.searchsorted(np.quantile(decay, _BORDERS), decay)
    classes = np.full(mask.shape, OUTSIDE, np.int16)
    classes[mask] = np.unique(kinds, return_inverse=True)[1]
    return classes


def _in_place(values: Double | Real, mask: NDArray[np.bool_]) -> Real:
    room = np.zeros(mask.shape, np.float32)
    room[mask] = values
    return room


def _is_alike_nearby(values: Real, mask: NDArray[np.bool_], geometry: Geometry) -> bool:
    """Whether values of voxels 4 mm apart have more than chance in common."""
    usual = np.clip(values, *np.quantile(values, _USUAL))
    room = _in_place(usual - usual.mean(), mask)
    products, count = 0.0, 0
    for axis, side in enumerate(geometry.voxel_mm):
        near = max(1, round(_APART_MM / side))
        ahead = (slice(None),) * axis
        here, there = (*ahead, slice(None, -near)), (*ahead, slice(near, None))
        products += float(np.vdot(room[here], room[there]))
        count += int((mask[here] & mask[there]).sum())
    return products > _ALIKE * float(usual.var()) * count


def _decay(
    magnitude: NDArray[np.floating], te_s: Sequence[float], mask: NDArray[np.bool_]
) -> Double:
    """R2* of the mask's voxels [1/s] by a line through log m, weighted by m² as noise wants it."""
    weights, times, logs, products, squares = np.zeros((5, int(mask.sum())))
    for echo, te in zip(magnitude, te_s, strict=True):
        m = np.maximum(echo[mask].astype(np.float64), _TINY)
        w, log = m**2, np.log(m)
        weights += w
        times += w * te
        squares += w * te**2
        logs += w * log
        products += w * te * log
    spread = weights * squares - times**2
    decay = np.zeros_like(spread)
    np.divide(times * logs - weights * products, spread, out=decay, where=spread > 0)
    return decay
