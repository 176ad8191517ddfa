"""A head drawn from solids: brain, skull, scalp, face, and a neck whose canal leads inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from closed_forms import positions_mm

from streamrecon.model.geometry import Geometry


@dataclass(frozen=True)
class DrawnHead:
    magnitude: np.ndarray
    quality: np.ndarray
    brain: np.ndarray
    vein: np.ndarray


def ellipsoid(
    grid: Geometry, centre: tuple[float, float, float], semi_axes: tuple[float, float, float]
) -> np.ndarray:
    r = positions_mm(grid) - np.array(centre)[:, None, None, None]
    return np.asarray(np.linalg.norm(r / np.array(semi_axes)[:, None, None, None], axis=0) < 1)


def drawn_head(grid: Geometry, *, stripped: bool = False) -> DrawnHead:
    """Muscle is as bright as brain, fat brighter, the receive field 2:1 over the head."""
    x, y, z = positions_mm(grid)
    brain = ellipsoid(grid, (0, 0, 15), (64, 80, 58)) & (z > -22 - 0.15 * y)
    brain |= ellipsoid(grid, (0, 34, -12), (42, 28, 24))  # cerebellum
    bone = ellipsoid(grid, (0, 0, 12), (73, 89, 69))
    head = ellipsoid(grid, (0, 0, 12), (80, 96, 76))
    neck = (np.hypot(x, y - 15) < 56) & (z < -20) & ~bone
    face = ellipsoid(grid, (0, -50, -50), (52, 45, 48)) & ~bone
    canal = (np.hypot(x, y - 28) < 8) & (z < -30)
    hole = (abs(x) < 3) & (abs(z + 10) < 3) & (y < 0)  # to an orbit
    random = np.random.default_rng(3)
    magnitude = 0.02 * random.random(grid.shape)
    for where, bright in ((head, 1.3), (face, 0.95), (neck, 1.0), (bone, 0.1), (brain, 1.0)):
        magnitude[where] = bright
    magnitude[(hole | canal) & (head | neck)] = 0.9
    magnitude[ellipsoid(grid, (0, 0, 15), (45, 55, 38))] = 0.85  # white matter
    ventricle = ellipsoid(grid, (12, 5, 20), (6, 22, 8)) | ellipsoid(grid, (-12, 5, 20), (6, 22, 8))
    magnitude[ventricle] = 0.55
    cortex = brain & ~ellipsoid(grid, (0, 0, 15), (60, 76, 54)) & (z > 0)
    magnitude[cortex] = 1.2
    vein = brain & (np.hypot(x - 20, z - 30) < 2.5)
    lesion = ellipsoid(grid, (-30, 20, 30), (7, 7, 7))
    magnitude[vein | lesion] = 0.08
    magnitude *= 1 + np.exp(-((x + 70) ** 2 + y**2) / 70**2)
    tissue = magnitude > 0.3
    quality = np.where(brain, 0.85, np.where(tissue, 0.6, 0.05))
    quality[vein | lesion] = 0.1
    magnitude += 0.02 * random.standard_normal(grid.shape)
    if stripped:
        magnitude, quality = magnitude * brain, quality * brain
    return DrawnHead(abs(magnitude), quality, brain, vein | lesion)
