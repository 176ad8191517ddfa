"""Balls in a head that lies tilted, and their field in closed form, isotropic or not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.spatial.transform import Rotation

from streamrecon.analysis.positions.tilted_fields import Position
from streamrecon.model.geometry import Geometry

Ball = tuple[tuple[float, float, float], float, np.ndarray]
"""Centre [mm], radius [mm], tensor."""

Tilt = tuple[str, float | tuple[float, ...]]
"""Axes and degrees, as Rotation.from_euler takes them."""

AXIAL = np.eye(3)[::-1]
FIVE = [("x", 0), ("x", 25), ("x", -25), ("y", 25), ("y", -25)]


def turn(axis: str, degrees: float | tuple[float, ...]) -> np.ndarray:
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


def places(grid: Geometry) -> np.ndarray:
    """[Z, Y, X, 3] in LPS."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    affine = grid.affine_lps()
    return index @ affine[:3, :3].T + affine[:3, 3]


def ball_field(at: np.ndarray, centre: np.ndarray, radius: float, tensor: np.ndarray) -> np.ndarray:
    """Field of a ball with one tensor, for B0 along S: that of the dipole χb; none inside."""
    b = np.array([0.0, 0, 1])
    moment = tensor @ b
    away = at - centre
    r = np.maximum(np.linalg.norm(away, axis=-1), 1e-9)
    unit = away / r[..., None]
    field = (radius / r) ** 3 * (3 * (unit @ moment) * (unit @ b) - moment @ b) / 3
    return np.where(r < radius, 0.0, field)


def shim(at: np.ndarray, ppm: tuple[float, ...]) -> np.ndarray:
    """Field of coils far away, harmonic [ppm]."""
    left, posterior, superior = np.moveaxis(at / 1e3, -1, 0)
    second = (left * posterior, posterior * superior, 2 * superior**2 - left**2 - posterior**2)
    terms = (left, posterior, superior, *second)
    return np.asarray(sum((c * t for c, t in zip(ppm, terms, strict=False)), 0 * left))


def tilted(
    balls: Iterable[Ball],
    rotation: np.ndarray,
    grid: Geometry,
    shift_mm: tuple[float, float, float] = (0.0, 0, 0),
    *,
    noise: float = 0.0,
    head_mm: float = 30.0,
    around: Iterable[Ball] = (),
    shim_ppm: tuple[float, ...] = (),
) -> Position:
    """The head's balls (centre, radius, tensor) after a motion, as a scan on ``grid``.

    Balls around the head turn with it; a shim (L, P, S [1/m], LP, PS, 2S²−L²−P² [1/m²]) does not.
    """
    shift = np.array(shift_mm)
    at = places(grid)
    fields = (
        ball_field(at, rotation @ np.array(c) + shift, r, rotation @ np.array(t) @ rotation.T)
        for c, r, t in (*balls, *around)
    )
    field = sum(fields) + shim(at, shim_ppm) + np.random.default_rng(3).normal(0, noise, grid.shape)
    mask = np.linalg.norm(at - shift, axis=-1) < head_mm
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = rotation, shift
    return Position((field * mask).astype(np.float32), mask, grid, motion)
