"""Values of a head at any points, from its own grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, map_coordinates, spline_filter

from streamrecon_simulator.phantoms.phantom import Properties
from streamrecon_simulator.phantoms.shapes import contains
from streamrecon_simulator.rotation import rotation
from streamrecon_simulator.whole_head.grid import Grid, Volume
from streamrecon_simulator.whole_head.head import WholeHead, head_maps
from streamrecon_simulator.whole_head.inclusions import embed, field_of
from streamrecon_simulator.whole_head.tissues import SUBSTANCES, Label

_IN_A_CELL = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
_CUBIC: Final = 3
_FINEST = 0.42  # cycles a grain
_REACH = 4  # grains, of the weights that such waves need

Spread = tuple[float, float, float]


def head_at(head: WholeHead, points_mm: NDArray[np.float64]) -> Properties:
    """Tissue and field at the points (L, P, S) [3, ...], see `tissue_at` and `field_at`."""
    return replace(tissue_at(head, points_mm), field_ppm=field_at(head, points_mm))


def head_in_cells(
    head: WholeHead, points_mm: NDArray[np.float64], edges_mm: NDArray[np.float64]
) -> Properties:
    """Means over cells around the points: of tissue at four places in each, R2* by their signal.

    At its middle alone a cell that is as large as a grain would have every second grain twice
    where middles lie between grains.

    Parameters
    ----------
    head
        What is asked.
    points_mm
        Middles of the cells (L, P, S) [3, ...].
    edges_mm
        Edges of all cells, a column for each [3, 3].
    """
    density, decay, shift, chi_ppm = np.zeros((4, *points_mm.shape[1:]), np.float32)
    for place in _in_cells(points_mm, edges_mm):
        here = tissue_at(head, place)
        density += here.density
        decay += here.r2_star_hz * here.density
        shift += here.shift_ppm * here.density
        chi_ppm += here.chi_ppm
    signal, count = np.maximum(density, np.float32(1e-6)), np.float32(len(_IN_A_CELL))
    return Properties(
        density=density / count,
        r2_star_hz=decay / signal,
        chi_ppm=chi_ppm / count,
        field_ppm=field_at(head, points_mm, edges_mm=edges_mm),
        shift_ppm=shift / signal,
    )


def response_of_cells(cycles: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of a wave along an edge of the cells in their means over places.

    Parameters
    ----------
    cycles
        Of the wave in each cell.
    """
    return np.asarray(np.cos(np.pi / 2 * cycles))


def _in_cells(
    points_mm: NDArray[np.float64], edges_mm: NDArray[np.float64]
) -> Iterator[NDArray[np.float64]]:
    for signs in _IN_A_CELL:
        away = edges_mm @ (0.25 * np.array(signs))
        yield points_mm + away.reshape(3, *(1,) * (points_mm.ndim - 1))


def tissue_at(head: WholeHead, points_mm: NDArray[np.float64]) -> Properties:
    """Tissue of the grain that holds each point (L, P, S) [3, ...]; no field.

    Beyond the grid there is air.
    """
    maps = head_maps(head)
    index, outside = _nearest(maps.grid, maps.grid.index(head.own_places(points_mm)))
    tissue = maps.textures
    density, r2_star_hz, chi_ppm, shift_ppm = (
        values.ravel()[index]
        for values in (tissue.density, tissue.r2_star_hz, tissue.chi_ppm, tissue.shift_ppm)
    )
    for values in (density, r2_star_hz, shift_ppm):
        values[outside] = 0
    chi_ppm[outside] = SUBSTANCES[Label.AIR].chi_ppm
    here = Properties(density, r2_star_hz, chi_ppm, np.zeros_like(chi_ppm), shift_ppm=shift_ppm)
    return embed(head.lying_inclusions, here, points_mm)


def field_at(
    head: WholeHead,
    points_mm: NDArray[np.float64],
    *,
    edges_mm: NDArray[np.float64] | None = None,
) -> Volume:
    """Field of all sources at the points (L, P, S) [3, ...], ppm of B0: a cubic spline's.

    With the edges of cells [3, 3] around them, a column for each, it is the mean of the places in
    those along the head's axes; that of its inclusions is the middle's. Beyond the head's grid it
    is that of its border.

    Notes
    -----
    Straight lines between grains would lose a fifth of the contrast of grey and white matter in
    voxels of two grains.
    """
    still = replace(head, inclusions=(), shift_mm=(0.0, 0.0, 0.0))
    coefficients = _coefficients(still, _spread(head, edges_mm))
    position = Grid(head.grain_mm).index(head.own_places(points_mm))
    found = map_coordinates(coefficients, position, order=_CUBIC, mode="nearest", prefilter=False)
    return np.asarray(found + field_of(head.lying_inclusions, points_mm), np.float32)


def grain_fields_at(head: WholeHead, points_mm: NDArray[np.float64]) -> tuple[Volume, Volume]:
    """Field of all sources, and of those in the brain alone, without the head's inclusions.

    Means over the grain that holds each point (L, P, S) [3, ...], ppm of B0; beyond the grid those
    of its border.
    """
    maps = head_maps(head)
    index, _ = _nearest(maps.grid, maps.grid.index(head.own_places(points_mm)))
    return maps.field_ppm.ravel()[index], maps.local_field_ppm.ravel()[index]


def labels_at(head: WholeHead, points_mm: NDArray[np.float64]) -> NDArray[np.uint8]:
    """`Label` at the points (L, P, S) [3, ...]."""
    maps = head_maps(head)
    index, outside = _nearest(maps.grid, maps.grid.index(head.own_places(points_mm)))
    labels = maps.labels.ravel()[index]
    labels[outside] = Label.AIR
    for inclusion in head.lying_inclusions:
        labels[contains(inclusion.sphere, points_mm)] = inclusion.label
    return labels


def _nearest(grid: Grid, position: Volume) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Flat index of the voxel that holds each point, and which points no voxel holds."""
    index = np.zeros(position.shape[1:], np.int32)
    outside = np.zeros(index.shape, bool)
    for along, n in zip(position, grid.shape, strict=True):
        nearest = np.floor(along + np.float32(0.5)).astype(np.int32)  # none twice, as by rint
        outside |= (nearest < 0) | (nearest >= n)
        index *= n
        index += np.clip(nearest, 0, n - 1)
    return index, outside


def _spread(head: WholeHead, edges_mm: NDArray[np.float64] | None) -> Spread:
    """Distance of a cell's places from its middle along z, y, x, in grains."""
    if edges_mm is None:
        return 0.0, 0.0, 0.0
    own = rotation(*head.turn_deg).T @ edges_mm / head.grain_mm
    z, y, x = (0.25 * np.sqrt((own**2).sum(axis=1)))[::-1].tolist()
    return z, y, x


@lru_cache(maxsize=1)
def _coefficients(head: WholeHead, spread: Spread) -> Volume:
    """Of the spline through the field of its maps, as it is at places so far apart."""
    found = spline_filter(head_maps(head).field_ppm, _CUBIC, output=np.float32, mode="nearest")
    for axis, grains in enumerate(spread):
        correlate1d(found, _taps(grains), axis, output=found, mode="nearest")
    return np.asarray(found)


def _taps(grains: float) -> NDArray[np.float64]:
    """Weights of neighbours that give waves of means over grains their strength at places.

    A mean over a grain takes ``sinc(k)`` of a wave of k cycles a grain, a spline through such means
    what its copies at k + m take; the mean of two places leaves ``cos(2πk · grains)``. Right up to
    `_FINEST`, beyond which splines mistake waves for others.
    """
    k = np.linspace(0, 0.5, 200) + 1e-6
    waves = np.minimum(k, _FINEST)
    copies = sum((waves / (waves + m)) ** (_CUBIC + 1) for m in range(-3, 4))
    wanted = np.cos(2 * np.pi * waves * grains) * copies / np.sinc(waves)
    away = np.arange(_REACH + 1)
    design = np.cos(2 * np.pi * np.outer(k, away)) * np.where(away, 2, 1)
    heed = (1 / (k + 0.01))[:, None]  # slow waves are the strong ones
    weights, *_ = np.linalg.lstsq(heed * design, heed[:, 0] * wanted, rcond=None)
    taps = np.concatenate([weights[:0:-1], weights])
    return np.asarray(taps / taps.sum())
