"""Values of a head at any points, from its own grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from streamrecon_simulator.phantoms.phantom import Properties
from streamrecon_simulator.phantoms.shapes import contains
from streamrecon_simulator.rotation import rotation
from streamrecon_simulator.whole_head.dipole import waves_of_field
from streamrecon_simulator.whole_head.grid import Grid, Volume
from streamrecon_simulator.whole_head.head import WholeHead, head_maps
from streamrecon_simulator.whole_head.inclusions import embed, field_of
from streamrecon_simulator.whole_head.tissues import BRAIN, SUBSTANCES, Label

_IN_A_CELL = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
_CUBIC: Final = 3
_FINEST = 0.42  # cycles a grain

Spread = tuple[float, float, float]
Grains = tuple[NDArray[np.int32], NDArray[np.bool_]]


def head_at(head: WholeHead, points_mm: NDArray[np.float64]) -> Properties:
    """Tissue and field at the points (L, P, S) [3, ...], see `tissue_at` and `field_at`."""
    return replace(tissue_at(head, points_mm), field_ppm=field_at(head, points_mm))


def head_in_cells(
    head: WholeHead, points_mm: NDArray[np.float64], edges_mm: NDArray[np.float64]
) -> Properties:
    """Means over cells around the points: of tissue at four places in each.

    R2* and fat are weighted by the signal.

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
    density, decay, fat, chi_ppm = np.zeros((4, *points_mm.shape[1:]), np.float32)
    for place in _in_cells(points_mm, edges_mm):
        here = tissue_at(head, place)
        density += here.density
        decay += here.r2_star_hz * here.density
        fat += here.fat * here.density
        chi_ppm += here.chi_ppm
    signal, count = np.maximum(density, np.float32(1e-6)), np.float32(len(_IN_A_CELL))
    return Properties(
        density=density / count,
        r2_star_hz=decay / signal,
        chi_ppm=chi_ppm / count,
        field_ppm=field_at(head, points_mm, edges_mm=edges_mm),
        fat=fat / signal,
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


def grains_at(head: WholeHead, points_mm: NDArray[np.float64]) -> Grains:
    """Flat index of the grain that holds each point (L, P, S) [3, ...], and which none holds."""
    grid = Grid(head.grain_mm)
    return _nearest(grid, grid.index(head.own_places(points_mm)))


def tissue_at(
    head: WholeHead, points_mm: NDArray[np.float64], grains: Grains | None = None
) -> Properties:
    """Tissue of the grain that holds each point (L, P, S) [3, ...]; no field.

    Beyond the grid there is air. ``grains`` are the points', where they are known.
    """
    maps = head_maps(head)
    index, outside = grains or grains_at(head, points_mm)
    tissue = maps.textures
    density, r2_star_hz, chi_ppm, fat = (
        values.ravel()[index]
        for values in (tissue.density, tissue.r2_star_hz, tissue.chi_ppm, tissue.fat)
    )
    for values in (density, r2_star_hz, fat):
        values[outside] = 0
    chi_ppm[outside] = SUBSTANCES[Label.AIR].chi_ppm
    here = Properties(density, r2_star_hz, chi_ppm, np.zeros_like(chi_ppm), fat=fat)
    return embed(head.lying_inclusions, here, points_mm)


def field_at(
    head: WholeHead,
    points_mm: NDArray[np.float64],
    *,
    edges_mm: NDArray[np.float64] | None = None,
) -> Volume:
    """Field of all sources at the points (L, P, S) [3, ...], ppm of B0.

    In the brain that of its own sources is a cubic spline, through waves of the grid at their
    strength; with the edges of cells [3, 3] around the points, a column for each, it is the mean of
    the places in those along the head's axes. All else is linear between means over grains, which
    no step at air makes ring, and in the brain is smooth. The field of the head's inclusions is
    the point's. Beyond the head's grid it is that of its border.

    Notes
    -----
    Straight lines for the brain's own would lose a fifth of the contrast of grey and white matter
    in voxels of two grains.
    """
    maps = head_maps(head)
    position = maps.grid.index(head.own_places(points_mm))
    found = _between(maps.field_ppm, position, order=1)
    index, outside = _nearest(maps.grid, position)
    brain = np.isin(maps.labels.ravel()[index], BRAIN) & ~outside
    if brain.any():
        there = position[:, brain]
        still = replace(head, inclusions=(), shift_mm=(0.0, 0.0, 0.0))
        waves = _between(_coefficients(still, _spread(head, edges_mm)), there, order=_CUBIC)
        found[brain] += waves - _between(maps.local_field_ppm, there, order=1)
    return np.asarray(found + field_of(head.lying_inclusions, points_mm), np.float32)


def _between(values: Volume, position: Volume, order: Literal[1, 3]) -> Volume:
    """Of a spline with the values as weights, at an index (z, y, x) [3, ...]."""
    found = map_coordinates(values, position, order=order, mode="nearest", prefilter=False)
    return np.asarray(found, np.float32)


def fields_of_grains(head: WholeHead, grains: Grains) -> tuple[Volume, Volume]:
    """Field of all sources, and of those in the brain alone, without the head's inclusions.

    Means over the grains, ppm of B0; beyond the grid those of its border.
    """
    maps = head_maps(head)
    index, _ = grains
    return maps.field_ppm.ravel()[index], maps.local_field_ppm.ravel()[index]


def labels_at(
    head: WholeHead, points_mm: NDArray[np.float64], grains: Grains | None = None
) -> NDArray[np.uint8]:
    """`Label` at the points (L, P, S) [3, ...], whose grains may be known."""
    maps = head_maps(head)
    index, outside = grains or grains_at(head, points_mm)
    labels = maps.labels.ravel()[index]
    labels[outside] = Label.AIR
    for inclusion in head.lying_inclusions:
        labels[contains(inclusion.sphere, points_mm)] = inclusion.label
    return labels


def _nearest(grid: Grid, position: Volume) -> Grains:
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
    """Of the spline through the field of the brain's sources, as it is at places so far apart."""
    maps = head_maps(head)
    chi_ppm = np.where(np.isin(maps.labels, BRAIN), maps.textures.chi_ppm, 0)
    z, y, x = (partial(_strength, grains=grains) for grains in spread)
    return waves_of_field(chi_ppm, padding=head.padding, b0=head.b0, along=(z, y, x))


def _strength(cycles: NDArray[np.float64], grains: float) -> NDArray[np.float64]:
    """Of a wave's weights, that their cubic spline has the mean of two places for it.

    A spline takes ``sinc(k)⁴`` of k cycles a grain, and places leave ``cos(2πk · grains)``. Right
    up to `_FINEST`, beyond which splines mistake waves for others.
    """
    k = np.minimum(np.abs(cycles), _FINEST)
    return np.asarray(np.cos(2 * np.pi * k * grains) / np.sinc(k) ** (_CUBIC + 1))
