"""Echoes of bent blood vessels in tissue, painted finely and cut to the box of a scan's k-space.

No formula of a cylinder is used. The field is the dipole convolution of what was painted; at the
wall it jumps by Δχ·(1/3 − (m·b)²), m the wall's normal, by which the parts of a fine cell on either
side are told apart. That makes eight cells across a vessel enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from streamrecon.units import hz_per_ppm

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BentVessel:
    """An arc of a circle through ``middle_mm``, all vectors along the voxel axes (z, y, x).

    Parameters
    ----------
    middle_mm
        From the voxel ``n // 2`` of the grid [3].
    direction, towards
        Unit vectors along it there, and to the centre of its circle [3].
    bend_mm
        Radius of that circle; infinite for a straight one.
    radius_mm
        Of the vessel.
    chi_ppm
        Blood's susceptibility above tissue's.
    blood
        Its signal over tissue's at TE = 0.
    r2star
        Its decay [1/s].
    """

    middle_mm: Real
    direction: Real
    towards: Real
    bend_mm: float
    radius_mm: float
    chi_ppm: float
    blood: float
    r2star: float

    def path_mm(self, half_mm: float, count: int) -> Real:
        """Points along it [count, 3], to ``half_mm`` on either side of its middle."""
        s = np.linspace(-half_mm, half_mm, count)
        if math.isinf(self.bend_mm):
            return np.asarray(self.middle_mm + np.outer(s, self.direction))
        ahead, aside = np.sin(s / self.bend_mm), 1 - np.cos(s / self.bend_mm)
        arc = np.outer(ahead, self.direction) + np.outer(aside, self.towards)
        return np.asarray(self.middle_mm + self.bend_mm * arc)


@dataclass(frozen=True, slots=True, eq=False)
class PaintedVessel:
    """Fraction of each fine cell, the wall's jump and the field for 1 ppm, all [Z, Y, X]."""

    fraction: Real
    jump: Real
    field: Real


def paint(
    vessel: BentVessel, *, voxels: int, fine: int, voxel_mm: Sequence[float], b0: Real
) -> PaintedVessel:
    """Paint a vessel on a cube of ``voxels`` with ``fine`` cells along each of their edges.

    The cube is periodic; a vessel ends where it leaves it.
    """
    shape = (voxels * fine,) * 3
    axes = [(((np.arange(voxels * fine) + 0.5) / fine - 0.5) - voxels // 2) * mm for mm in voxel_mm]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    path = vessel.path_mm(voxels * max(voxel_mm) * 1.5, 1600)
    reach = vessel.radius_mm + max(voxel_mm)
    distance, found = cKDTree(path).query(cells, distance_upper_bound=reach)
    nearest = np.asarray(found, np.intp)
    near = np.isfinite(distance)
    tangent = np.gradient(path, axis=0)
    tangent = (tangent / np.linalg.norm(tangent, axis=1)[:, None])[nearest[near]]
    away = cells[near] - path[nearest[near]]
    away -= tangent * (away * tangent).sum(1)[:, None]
    distance = np.linalg.norm(away, axis=1)
    normal = away / np.maximum(distance, 1e-9)[:, None]
    cell_mm = np.linalg.norm(normal * np.array(voxel_mm) / fine, axis=1)
    fraction, jump = np.zeros((2, len(cells)))
    part = np.clip((vessel.radius_mm - distance) / np.maximum(cell_mm, 1e-9) + 0.5, 0, 1)
    fraction[near] = part
    jump[near] = np.where((part > 0) & (part < 1), 1 / 3 - (normal @ b0) ** 2, 0)
    solid = fraction.reshape(shape)
    return PaintedVessel(solid, jump.reshape(shape), _field(solid, voxel_mm, b0))


def echoes_of(
    vessels: Sequence[BentVessel],
    painted: Sequence[PaintedVessel],
    te_s: Sequence[float],
    *,
    voxels: int,
    b0_t: float,
    tissue_r2star: float,
) -> Complex:
    """Complex echoes [E, Z, Y, X] without noise; tissue's signal is 1 at TE = 0."""
    pairs = list(zip(vessels, painted, strict=True))
    inside = np.clip(sum(p.fraction for p in painted), 0, 1)
    field = sum(v.chi_ppm * p.field for v, p in pairs)
    tissue = field - sum(v.chi_ppm * p.fraction * p.jump for v, p in pairs)
    bloods = [field + v.chi_ppm * (1 - p.fraction) * p.jump for v, p in pairs]
    echoes = []
    for te in te_s:
        turn = 2j * np.pi * hz_per_ppm(b0_t) * te
        signal = (1 - inside) * np.exp(turn * tissue - tissue_r2star * te)
        for (vessel, piece), blood in zip(pairs, bloods, strict=True):
            at = piece.fraction > 0
            part = vessel.blood * piece.fraction[at]
            signal[at] += part * np.exp(turn * blood[at] - vessel.r2star * te)
        echoes.append(_scanned(signal, voxels))
    return np.stack(echoes)


def _field(solid: Real, voxel_mm: Sequence[float], b0: Real) -> Real:
    """Dipole convolution on the periodic cube; its mean is zero."""
    fine = [np.fft.fftfreq(n, mm) for n, mm in zip(solid.shape, voxel_mm, strict=True)]
    k = np.meshgrid(*fine, indexing="ij", sparse=True)
    squared = np.array(k[0] ** 2 + k[1] ** 2 + k[2] ** 2, np.float64)
    squared[0, 0, 0] = 1
    along = k[0] * b0[0] + k[1] * b0[1] + k[2] * b0[2]
    kernel = 1 / 3 - along**2 / squared
    kernel[0, 0, 0] = 0
    return np.asarray(np.fft.ifftn(np.fft.fftn(solid) * kernel).real)


def _scanned(signal: Complex, voxels: int) -> Complex:
    """Centre of k-space of the fine cube, as an image whose voxels have their own middle."""
    n = signal.shape[0]
    k = np.arange(-(voxels // 2), voxels - voxels // 2)
    shift = np.exp(2j * np.pi * k / voxels * (0.5 - 0.5 * voxels / n))
    spectrum = np.fft.fftn(signal)[np.ix_(k, k, k)]
    spectrum = spectrum * shift[:, None, None] * shift[:, None] * shift
    return np.asarray(np.fft.ifftn(np.fft.ifftshift(spectrum)) * (voxels / n) ** 3)
