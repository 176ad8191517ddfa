"""A head of smooth blobs that lies tilted, as scans of any grid see it."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from streamrecon.model.geometry import Geometry

AXIAL = np.eye(3)[::-1]
GRID = Geometry((45, 59, 50), (3.2, 3.1, 3.1), AXIAL)
LEFT_HANDED = Geometry((45, 59, 50), (3.2, 3.1, 3.1), np.diag([-1.0, 1, 1]) @ AXIAL, (2.0, -1, 1))
OBLIQUE = Geometry(
    (87, 59, 51), (1.6, 3.1, 3.0),
    AXIAL @ Rotation.from_euler("zx", (12, 17), degrees=True).as_matrix().T, (1.0, 2.0, -2.0),
)  # fmt: skip
GRIDS = (GRID, LEFT_HANDED, OBLIQUE)

_RANDOM = np.random.default_rng(31)
_BLOBS = _RANDOM.uniform(-60, 60, (60, 3))
_SIZES = _RANDOM.uniform(8, 18, 60)
_HEIGHTS = _RANDOM.uniform(-0.5, 0.5, 60)


def turn(axes: str, degrees: float | tuple[float, ...]) -> np.ndarray:
    return Rotation.from_euler(axes, degrees, degrees=True).as_matrix()


def places(grid: Geometry) -> np.ndarray:
    """[Z, Y, X, 3] in LPS."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    affine = grid.affine_lps()
    return np.asarray(index @ affine[:3, :3].T + affine[:3, 3])


def shading(grid: Geometry) -> np.ndarray:
    """What two rings of six coils see [Z, Y, X]: 4 : 1 over the head, wherever that lies."""
    seen = np.zeros(grid.shape)
    for number in range(12):
        angle, height = np.pi * number / 6, 30.0 if number % 2 else -30.0
        coil = (115 * np.cos(angle), 115 * np.sin(angle), height)
        seen += np.exp(-((places(grid) - coil) ** 2).sum(-1) / 55**2)
    return np.asarray(np.sqrt(seen))


def magnitude(
    grid: Geometry, rotation: np.ndarray, shift_mm: tuple[float, float, float] = (0.0, 0, 0)
) -> np.ndarray:
    """An egg with blobs [Z, Y, X] after a motion, 0 outside."""
    own = (places(grid) - np.array(shift_mm)) @ rotation
    image = np.ones(grid.shape)
    for centre, size, height in zip(_BLOBS, _SIZES, _HEIGHTS, strict=True):
        image += height * np.exp(-((own - centre) ** 2).sum(-1) / (2 * size**2))
    return np.where(((own / (66.0, 80.0, 62.0)) ** 2).sum(-1) < 1, image, 0).astype(np.float32)
