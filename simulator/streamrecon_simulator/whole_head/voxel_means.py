"""Means of a head over the voxels of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon_simulator.phantoms.phantom import Properties
from streamrecon_simulator.whole_head.grid import planes_of
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.inclusions import field_of
from streamrecon_simulator.whole_head.sampling import (
    fields_of_grains,
    grains_at,
    labels_at,
    tissue_at,
)
from streamrecon_simulator.whole_head.tissues import BRAIN

_GAUSS = 0.5 / math.sqrt(3)  # along each edge of a voxel, from its middle: exact to third order
_MOST_POINTS = 8  # along an edge


@dataclass(frozen=True, slots=True, eq=False)
class VoxelMeans:
    """Arrays [Z, Y, X] on an image's grid.

    Parameters
    ----------
    properties
        Means over each voxel; R2* and fat weighted by the signal.
    local_field_ppm
        Of the sources in the brain alone, mean [ppm of B0].
    labels
        `Label` at the voxel's centre.
    brain
        Where at least half of the voxel is brain.
    """

    properties: Properties
    local_field_ppm: NDArray[np.float32]
    labels: NDArray[np.uint8]
    brain: NDArray[np.bool_]


def voxel_means(head: WholeHead, geometry: Geometry) -> VoxelMeans:
    """Average a head over the voxels of an image, plane after plane.

    Tissue and fields are those of grains, and are asked at two points in each along every edge, at
    most eight in a voxel, and an even number as its middle may lie between grains. At two in a
    voxel of one and a half grains some voxels would be the mean of one grain and others of two, and
    what is called the mean of χ would make a field a third off. The field of the head's inclusions,
    a closed form, is taken at two points of Gauss along every edge.
    """
    planes = [_plane(head, geometry, centres) for centres in planes_of(geometry)]
    density, r2_star_hz, chi_ppm, field_ppm, fat, local_ppm, brain = (
        np.stack([plane[0][number] for plane in planes]) for number in range(7)
    )
    return VoxelMeans(
        properties=Properties(density, r2_star_hz, chi_ppm, field_ppm, fat),
        local_field_ppm=local_ppm,
        labels=np.stack([labels for _, labels in planes]),
        brain=brain >= 0.5,
    )


def _plane(
    head: WholeHead, geometry: Geometry, centres: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Means [7, Y, X] over voxels around centres (L, P, S) [3, Y, X], and the labels there."""
    to_points = geometry.affine_lps()[:3, :3]
    counts = [min(2 * math.ceil(side / head.grain_mm), _MOST_POINTS) for side in geometry.voxel_mm]
    total = np.zeros((7, *centres.shape[1:]), np.float32)
    for step in product(*map(_along, counts)):
        points = centres + (to_points @ step)[:, None, None]
        grains = grains_at(head, points)
        here = tissue_at(head, points, grains)
        total[0] += here.density
        total[1] += here.r2_star_hz * here.density
        total[2] += here.chi_ppm
        total[4] += here.fat * here.density
        total[6] += np.isin(labels_at(head, points, grains), BRAIN)
        field_ppm, local_field_ppm = fields_of_grains(head, grains)
        total[3] += field_ppm
        total[5] += local_field_ppm
    signal = np.maximum(total[0], np.float32(1e-6))
    total[[1, 4]] /= signal
    total[[0, 2, 3, 5, 6]] /= np.float32(math.prod(counts))
    if head.inclusions:
        for step in product((-_GAUSS, _GAUSS), repeat=3):
            points = centres + (to_points @ step)[:, None, None]
            total[[3, 5]] += field_of(head.lying_inclusions, points) / np.float32(2**3)
    return total, labels_at(head, centres)


def _along(count: int) -> NDArray[np.float64]:
    """Points along an edge, from its middle, in parts of it."""
    return (np.arange(count) + 0.5) / count - 0.5
