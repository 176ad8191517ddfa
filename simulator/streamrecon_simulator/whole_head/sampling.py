"""Values of a head at any points, from its own grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from streamrecon_simulator.phantoms.phantom import Properties
from streamrecon_simulator.phantoms.shapes import contains
from streamrecon_simulator.whole_head.grid import FIRST_LPS_MM, Grid, Volume
from streamrecon_simulator.whole_head.head import WholeHead, head_maps
from streamrecon_simulator.whole_head.inclusions import embed, field_of
from streamrecon_simulator.whole_head.tissues import SUBSTANCES, Label


def head_at(head: WholeHead, points_mm: NDArray[np.float64]) -> Properties:
    """Tissue and field at the points (L, P, S) [3, ...], see `tissue_at` and `field_at`."""
    return replace(tissue_at(head, points_mm), field_ppm=field_at(head, points_mm))


def tissue_at(head: WholeHead, points_mm: NDArray[np.float64]) -> Properties:
    """Tissue of the grain that holds each point (L, P, S) [3, ...]; no field.

    Beyond the grid there is air. In the middle between two grains it is that of the even one, so
    that of points which all lie there every second grain is seen twice, the others never.
    """
    maps = head_maps(head)
    index, outside = _nearest(maps.grid, _position(maps.grid, head.own_places(points_mm)))
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


def field_at(head: WholeHead, points_mm: NDArray[np.float64]) -> Volume:
    """Field of all sources at the points (L, P, S) [3, ...], ppm of B0; linear between grains.

    Beyond the grid it is that of its border. The line loses contrast of what is small, a fifth at
    the finest scale of voxels of two grains.
    """
    maps = head_maps(head)
    field_ppm = _linear(maps.field_ppm, _position(maps.grid, head.own_places(points_mm)))
    return field_ppm + field_of(head.lying_inclusions, points_mm)


def labels_at(head: WholeHead, points_mm: NDArray[np.float64]) -> NDArray[np.uint8]:
    """`Label` at the points (L, P, S) [3, ...]."""
    maps = head_maps(head)
    index, outside = _nearest(maps.grid, _position(maps.grid, head.own_places(points_mm)))
    labels = maps.labels.ravel()[index]
    labels[outside] = Label.AIR
    for inclusion in head.lying_inclusions:
        labels[contains(inclusion.sphere, points_mm)] = inclusion.label
    return labels


def local_field_at(head: WholeHead, points_mm: NDArray[np.float64]) -> Volume:
    """Field of the sources in the brain alone at the points (L, P, S) [3, ...], ppm of B0."""
    maps = head_maps(head)
    field_ppm = _linear(maps.local_field_ppm, _position(maps.grid, head.own_places(points_mm)))
    return field_ppm + field_of(head.lying_inclusions, points_mm)


def _position(grid: Grid, points_mm: NDArray[np.float64]) -> Volume:
    """Index (z, y, x) [3, ...] of the points, whole numbers at the middle of a voxel."""
    first = np.array(FIRST_LPS_MM).reshape(3, *(1,) * (points_mm.ndim - 1))
    return np.asarray(((points_mm - first) / grid.grain_mm - 0.5)[::-1], dtype=np.float32)


def _nearest(grid: Grid, position: Volume) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Flat index of the voxel that holds each point, and which points no voxel holds."""
    index = np.zeros(position.shape[1:], np.int32)
    outside = np.zeros(index.shape, bool)
    for along, n in zip(position, grid.shape, strict=True):
        nearest = np.rint(along).astype(np.int32)
        outside |= (nearest < 0) | (nearest >= n)
        index *= n
        index += np.clip(nearest, 0, n - 1)
    return index, outside


def _linear(values: Volume, position: Volume) -> Volume:
    return np.asarray(map_coordinates(values, position, order=1, mode="nearest"), np.float32)
