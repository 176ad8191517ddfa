"""Fields known in closed form: sphere and long cylinder, in any grid; supersampled sources."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from streamrecon.model.geometry import Geometry

AXIAL = np.eye(3)[::-1]  # rows z, y, x in LPS
ORIENTATIONS = {
    "axial": AXIAL,
    "coronal": np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0.0]]),
    "sagittal": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]]),
    "tilted": AXIAL @ Rotation.from_euler("x", 30, degrees=True).as_matrix(),
    "doubly_oblique": AXIAL @ Rotation.from_euler("xyz", [25, -35, 20], degrees=True).as_matrix(),
    "left_handed": np.diag([-1.0, 1, 1]) @ AXIAL,
}


def positions_mm(grid: Geometry, fine: int = 1) -> np.ndarray:
    """[3, Z, Y, X] in LPS, of a grid ``fine`` times finer."""
    steps = [(np.arange(n * fine) - (fine - 1) / 2) / fine - n // 2 for n in grid.shape]
    index = np.stack(np.meshgrid(*steps, indexing="ij"))
    return np.einsum("zd,z,z...->d...", grid.axes_lps, np.array(grid.voxel_mm), index)


def block_mean(values: np.ndarray, fine: int) -> np.ndarray:
    z, y, x = (n // fine for n in values.shape)
    return values.reshape(z, fine, y, fine, x, fine).mean((1, 3, 5))


def sphere(grid: Geometry, radius_mm: float, chi_ppm: float, fine: int = 4):
    """Susceptibility (supersampled), field, distance from the centre [mm]."""
    inside = np.linalg.norm(positions_mm(grid, fine), axis=0) <= radius_mm
    r = positions_mm(grid)
    distance = np.linalg.norm(r, axis=0)
    safe = np.maximum(distance, 1e-6)
    outside = chi_ppm / 3 * (radius_mm / safe) ** 3 * (3 * (r[2] / safe) ** 2 - 1)
    field = np.where(distance <= radius_mm, 0.0, outside)  # Lorentz: none inside
    return chi_ppm * block_mean(inside.astype(float), fine), field, distance


def cylinder(grid: Geometry, radius_mm: float, chi_ppm: float, along: int, fine: int = 4):
    """Long cylinder along voxel axis ``along``: susceptibility, field, distance from its axis."""
    u = grid.axes_lps[along]

    def to_axis(r):
        return r - np.einsum("d,d...->...", u, r) * u[:, None, None, None]

    inside = np.linalg.norm(to_axis(positions_mm(grid, fine)), axis=0) <= radius_mm
    rho = to_axis(positions_mm(grid))
    distance = np.linalg.norm(rho, axis=0)
    cos2 = u[2] ** 2
    across = np.array([0, 0, 1.0]) - u[2] * u  # B0 without its part along the cylinder
    length = np.linalg.norm(across)
    if length < 1e-9:
        outside = np.zeros(grid.shape)
    else:
        cos_phi = np.einsum("d,d...->...", across / length, rho) / np.maximum(distance, 1e-6)
        outside = (
            chi_ppm
            / 2
            * (radius_mm / np.maximum(distance, 1e-6)) ** 2
            * (1 - cos2)
            * (2 * cos_phi**2 - 1)
        )
    field = np.where(distance <= radius_mm, chi_ppm / 6 * (3 * cos2 - 1), outside)
    return chi_ppm * block_mean(inside.astype(float), fine), field, distance
