"""One straight vein in tissue, at any angle to B0, measured by voxels that are partly in it."""

from __future__ import annotations

import numpy as np

from streamrecon.model.geometry import Geometry

B0_T = 3.0
HZ_PER_PPM = 42.577478 * B0_T
SHAPE = (16, 48, 48)
_FINE = 8


def geometry_of(angle_deg: float) -> Geometry:
    """1 mm voxels; B0 lies in the plane of voxel axes z and x, at ``angle_deg`` from z."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return Geometry(SHAPE, (1.0, 1.0, 1.0), np.array([[-s, 0, c], [0, 1, 0], [c, 0, s]]))


def distances_mm(fine: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """y and x of each (part of a) voxel from the axis of the vein."""
    _, ny, nx = SHAPE
    parts = (np.arange(fine) + 0.5) / fine - 0.5
    y, x = ((np.arange(n)[:, None] - n // 2 + parts).ravel() for n in (ny, nx))
    return y[:, None] - 0.3, x[None, :] + 0.2


def field_of_vein(
    angle_deg: float, radius_mm: float, chi_ppm: float, fine: int = _FINE
) -> tuple[np.ndarray, np.ndarray]:
    """Field [ppm], and whether inside, on the fine plane across the vein."""
    y, x = distances_mm(fine)
    squared = y**2 + x**2
    inside = squared <= radius_mm**2
    cos2 = np.cos(np.radians(angle_deg)) ** 2
    safe = np.maximum(squared, 1e-9)
    around = chi_ppm / 2 * radius_mm**2 / safe * (1 - cos2) * (x**2 - y**2) / safe
    return np.where(inside, chi_ppm / 6 * (3 * cos2 - 1), around), inside


def echoes_of_vein(
    angle_deg: float, radius_mm: float, te_s: tuple[float, ...], *, snr: float
) -> tuple[np.ndarray, np.ndarray]:
    """Echoes [E, Z, Y, X] of a vein along voxel z, and the share of blood [Y, X].

    Δχ 0.45 ppm, R2* 20 in tissue and 35 /s in blood; ``snr`` is that of tissue at TE 20 ms.
    """
    nz, ny, nx = SHAPE
    field, inside = field_of_vein(angle_deg, radius_mm, 0.45)
    echoes = []
    for te in te_s:
        spins = np.exp((-np.where(inside, 35, 20) + 2j * np.pi * HZ_PER_PPM * field) * te)
        echoes.append(spins.reshape(ny, _FINE, nx, _FINE).mean((1, 3)))
    clean = np.repeat(np.array(echoes)[:, None], nz, axis=1)
    noise = np.random.default_rng(7).standard_normal((2, *clean.shape)) * np.exp(-20 * 0.02) / snr
    blood = inside.reshape(ny, _FINE, nx, _FINE).mean((1, 3))
    return (clean + noise[0] + 1j * noise[1]).astype(np.complex64), blood
