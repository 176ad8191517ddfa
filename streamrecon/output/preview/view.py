"""Finds what of a scan is worth looking at: the object, its box, slices with something in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.colours import BRIGHTEST_PERCENT
from streamrecon.output.preview.planes import Fractions, View, along_lps
from streamrecon.output.preview.shown import Shown

Flags = NDArray[np.bool_]

_OBJECT = 0.15  # of the brightest
_SMOOTH_MM = 5.0  # nuclei and bleeds remain, veins and noise do not
_MARGIN_MM = 6.0
_PLAIN_PPM, _CLEAR_PPM = 0.04, 0.14  # tissue stays below the first; the second counts in full
_LEAST_VOXELS = 8  # of an object


def object_of(volumes: Sequence[Shown]) -> Flags | None:
    """Where there is signal [Z, Y, X], by the first magnitude; ``None`` where that tells nothing.

    A part of the brightest, smoothed over three voxels: above the noise of air, below tissue far
    from the coils. Air within the object, and bone, are left out; below an SNR of ten air is not.
    """
    magnitudes = [each for each in volumes if _is_magnitude(each.quantity)]
    if not magnitudes:
        return None
    first = magnitudes[0].values.astype(np.float32)
    smooth = uniform_filter(np.where(np.isfinite(first), first, 0.0), 3)
    inside: Flags = smooth > _OBJECT * np.percentile(smooth, BRIGHTEST_PERCENT)
    return inside if inside.sum() >= _LEAST_VOXELS and not inside.all() else None


def common_view(every: Sequence[Shown], inside: Flags | None) -> View:
    """That of the volumes on the first grid, for all whose field of view is the same.

    Parameters
    ----------
    every
        All volumes of a scan.
    inside
        The object, see `object_of`; on another grid than the first it tells nothing.
    """
    grid = every[0].geometry
    if inside is None or inside.shape != grid.shape:
        return View()
    return view_of([each for each in every if each.geometry.same_as(grid)], inside)


def view_of(volumes: Sequence[Shown], inside: Flags | None) -> View:
    """The view that all ``volumes`` of one grid share.

    Cut where the sections of the object are large and their susceptibility departs from plain
    tissue's: nuclei, bleeds, calcifications. Without an object the middle of everything.

    Parameters
    ----------
    volumes
        Of one grid.
    inside
        The object [Z, Y, X]; ``None``: nobody knows it.
    """
    if inside is None or not volumes:
        return View()
    geometry = volumes[0].geometry
    section, mm = along_lps(inside, geometry)
    content = next(
        (_content(each) for each in volumes if each.quantity in _SUSCEPTIBILITIES),
        np.zeros(geometry.shape, np.float32),
    )
    striking, _ = along_lps(content, geometry)
    areas, contents = (_along_each(each) for each in (section, striking))
    n = section.shape
    cut = [
        (_best(_fraction(area) * (1 + _fraction(inner))) + 0.5) / count
        for area, inner, count in zip(areas, contents, n, strict=True)
    ]
    low, high = zip(*map(_extent, areas, n, mm), strict=True)
    return View(_triple(cut), _triple(low), _triple(high))


_SUSCEPTIBILITIES = frozenset({Quantity.CHI, Quantity.CHI_PREVIEW})


def _is_magnitude(quantity: Quantity | None) -> bool:
    return quantity in {Quantity.MAGNITUDE, Quantity.MAGNITUDE_COMBINED, Quantity.MAGNITUDE_PREVIEW}


def _content(chi: Shown) -> NDArray[np.float32]:
    """How far each voxel and its surroundings depart from plain tissue, 0 to 1."""
    size = [max(1, round(_SMOOTH_MM / mm)) for mm in chi.geometry.voxel_mm]
    smooth = np.abs(uniform_filter(chi.values.astype(np.float32), size))
    return np.clip((smooth - _PLAIN_PPM) / (_CLEAR_PPM - _PLAIN_PPM), 0, 1)


def _along_each(flags: NDArray[np.generic]) -> list[NDArray[np.float64]]:
    """Sums over the slices across each axis."""
    return [
        flags.sum(axis=tuple(other for other in range(3) if other != axis), dtype=np.float64)
        for axis in range(3)
    ]


def _best(scores: NDArray[np.float64]) -> int:
    """The middle one of the best."""
    best = np.flatnonzero(scores == scores.max())
    return int(best[len(best) // 2])


def _fraction(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values / max(float(values.max()), 1e-30)


def _extent(areas: NDArray[np.float64], n: int, mm: float) -> tuple[float, float]:
    """First and last slice with a hundredth of the largest section, and a margin."""
    filled = np.flatnonzero(areas > areas.max() / 100)
    margin = _MARGIN_MM / mm
    return max(0.0, (filled[0] - margin) / n), min(1.0, (filled[-1] + 1 + margin) / n)


def _triple(values: Sequence[float]) -> Fractions:
    left, posterior, superior = (float(value) for value in values)
    return left, posterior, superior


def same_field_of_view(one: Geometry, other: Geometry) -> bool:
    """Whether fractions of one grid are fractions of the other: it may be coarser."""
    size = [np.array(each.shape) * each.voxel_mm for each in (one, other)]
    apart = np.abs(size[0] - size[1]) / size[0]
    return bool(apart.max() < 0.05 and np.abs(one.axes_lps - other.axes_lps).max() < 0.05)
