"""Fields known in closed form: spheres and long cylinder, in any grid; supersampled sources."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from streamrecon.model.geometry import Geometry

Ball = tuple[tuple[float, float, float], float, float]
"""Centre [mm, LPS], radius [mm], susceptibility [ppm]."""

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
    return np.asarray(np.einsum("zd,z,z...->d...", grid.axes_lps, np.array(grid.voxel_mm), index))


def block_mean(values: np.ndarray, fine: int) -> np.ndarray:
    z, y, x = (n // fine for n in values.shape)
    return np.asarray(values.reshape(z, fine, y, fine, x, fine).mean((1, 3, 5)))


def sphere(
    grid: Geometry, radius_mm: float, chi_ppm: float, fine: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Susceptibility (supersampled), field, distance from the centre [mm]."""
    inside = np.linalg.norm(positions_mm(grid, fine), axis=0) <= radius_mm
    r = positions_mm(grid)
    field = chi_ppm * unit_sphere(r, radius_mm)
    return chi_ppm * block_mean(inside.astype(float), fine), field, np.linalg.norm(r, axis=0)


def unit_sphere(from_centre_mm: np.ndarray, radius_mm: float) -> np.ndarray:
    """Field of a sphere of 1 ppm at places [3, ...] in LPS; Lorentz: none inside."""
    distance = np.maximum(np.linalg.norm(from_centre_mm, axis=0), 1e-6)
    cosine = from_centre_mm[2] / distance
    outside = (radius_mm / distance) ** 3 * (3 * cosine**2 - 1) / 3
    return np.where(distance <= radius_mm, 0.0, outside)


def ball(grid: Geometry, centre_lps_mm: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    """Voxels whose middle is nearer to a place than ``radius_mm``."""
    away = positions_mm(grid) - np.array(centre_lps_mm, float)[:, None, None, None]
    return np.asarray(np.linalg.norm(away, axis=0) < radius_mm)


def spheres(grid: Geometry, *sources: Ball, fine: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Susceptibility and field of spheres (centre_lps_mm, radius_mm, chi_ppm) that do not touch.

    Both are means over the voxel, of ``fine`` points along each axis; farther than four voxels
    from a surface the field of the middle is as good. A voxel inside has exactly its ``chi_ppm``.
    """
    r = positions_mm(grid)
    chi, field = np.zeros((2, *grid.shape))
    within = positions_mm(Geometry((1, 1, 1), grid.voxel_mm, grid.axes_lps), fine).reshape(3, -1)
    for centre, radius_mm, chi_ppm in sources:
        away = r - np.array(centre, float)[:, None, None, None]
        near = np.linalg.norm(away, axis=0) < radius_mm + 4 * max(grid.voxel_mm)
        points = away[:, near, None] + within[:, None]
        one = unit_sphere(away, radius_mm)
        one[near] = unit_sphere(points, radius_mm).mean(axis=-1)
        field += chi_ppm * one
        chi[near] += chi_ppm * (np.linalg.norm(points, axis=0) <= radius_mm).mean(axis=-1)
    return chi, field


def cylinder(
    grid: Geometry, radius_mm: float, chi_ppm: float, along: int, fine: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Long cylinder along voxel axis ``along``: susceptibility, field, distance from its axis."""
    u = grid.axes_lps[along]

    def to_axis(r: np.ndarray) -> np.ndarray:
        return np.asarray(r - np.einsum("d,d...->...", u, r) * u[:, None, None, None])

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
