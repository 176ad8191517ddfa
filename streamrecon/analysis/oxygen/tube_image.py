"""The image of a straight vessel: its cross-section through the point spread of the scan."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0

from streamrecon.analysis.oxygen._tube_kernels import outside_spectrum
from streamrecon.analysis.oxygen.tube_transform import of_disc, radial_tables
from streamrecon.model.geometry import Triple

Real = NDArray[np.float64]
Single = NDArray[np.float32]
Waves = tuple[Single, Single]

_PER_CYCLE = 7.0  # samples of the table for a cycle of its highest frequency: 1.5 % off there
_ROOM_PIXELS = 12  # to the next copy, whose far field is smooth here and so is tissue to a fit
_ANGLES = 720


@dataclass(frozen=True, slots=True, eq=False)
class CrossSection:
    """What a scan resolves in the plane across a vessel.

    The transform of an infinite cylinder lies in the plane through k = 0 across its axis; a scan
    keeps what lies inside the box of its k-space, which cuts a polygon of up to six sides out of
    that plane.

    Parameters
    ----------
    k_length, k_angle
        Distance from k = 0 [1/mm] and direction [rad] of each sample [K].
    weight
        Its area [1/mm²] inside the polygon [K], doubled for the mirrored half.
    rows, columns
        Frequencies along the plane's axes of the grid of samples [1/mm].
    half_mm
        The image is known to this distance from the vessel.
    waves
        Cosine and negative sine of each row's frequency at the places of a table [Y, rows·2], and
        cosine, then sine of each column's [2·X, columns]: the same for every vessel there.
    """

    k_length: Real
    k_angle: Real
    weight: Real
    rows: Real
    columns: Real
    half_mm: float
    waves: Waves

    @property
    def step_mm(self) -> tuple[float, float]:
        """Distance between the rows and between the columns of a table."""
        return _steps(self.rows, self.columns)

    @property
    def axes_mm(self) -> tuple[Real, Real]:
        """Places of the rows and of the columns of a table; the half with x < 0 is the same."""
        return _axes(self.rows, self.columns, self.half_mm)


def cross_section(
    across: NDArray[np.float64], resolution_mm: Triple, half_mm: float
) -> CrossSection:
    """The samples of k-space that see a vessel.

    Parameters
    ----------
    across
        Two unit vectors across the vessel [2, 3] along the voxel axes (z, y, x): the second and
        the first axis of the plane.
    resolution_mm
        Acquired voxel size (z, y, x): 1/(2·resolution) is the edge of k-space.
    half_mm
        Distance from the vessel to which the image is wanted.
    """
    step = 1 / (2 * half_mm + _ROOM_PIXELS * max(resolution_mm))
    y_edge, x_edge = _extent(across, resolution_mm)
    ny, nx = math.ceil(y_edge / step), math.ceil(x_edge / step)
    rows, columns = step * np.arange(-ny, ny + 1.0), step * np.arange(nx + 1.0)
    ky, kx = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    weight = np.where(kx > 0, 2.0, 1.0) * step**2
    for axis, mm in enumerate(resolution_mm):
        at = np.abs(ky * across[0, axis] + kx * across[1, axis]) * mm
        width = step * mm * np.abs(across[:, axis]).sum()
        weight *= np.clip((0.5 - at) / max(width, 1e-9) + 0.5, 0, 1)
    y, x = _axes(rows, columns, half_mm)
    turn_y, turn_x = 2 * math.pi * np.outer(y, rows), 2 * math.pi * np.outer(x, columns)
    along_y = np.stack([np.cos(turn_y), -np.sin(turn_y)], axis=-1).reshape(y.size, -1)
    along_x = np.concatenate([np.cos(turn_x), np.sin(turn_x)])
    waves = along_y.astype(np.float32), along_x.astype(np.float32)
    return CrossSection(np.hypot(ky, kx), np.arctan2(ky, kx), weight, rows, columns, half_mm, waves)


def _steps(rows: Real, columns: Real) -> tuple[float, float]:
    return 1 / (_PER_CYCLE * float(rows[-1])), 1 / (_PER_CYCLE * float(columns[-1]))


def _axes(rows: Real, columns: Real, half_mm: float) -> tuple[Real, Real]:
    step_y, step_x = _steps(rows, columns)
    ny, nx = (math.ceil(half_mm / step) + 2 for step in (step_y, step_x))
    return np.arange(-ny, ny + 1.0) * step_y, np.arange(-1, nx + 1.0) * step_x


def _extent(across: Real, resolution_mm: Triple) -> tuple[float, float]:
    """Largest frequency [1/mm] of the polygon along either axis of the plane."""
    angle = np.linspace(0, math.pi, _ANGLES)
    direction = np.stack([np.sin(angle), np.cos(angle)])
    along = np.abs(across.T @ direction) * np.array(resolution_mm)[:, None]
    edge = 0.5 / along.max(axis=0)
    y, x = np.abs(direction * edge).max(axis=1)
    return float(y), float(x)


@dataclass(frozen=True, slots=True, eq=False)
class VesselImage:
    """Tables [Y, X, T] over half of the plane, one image after the other.

    In this order: outside [E, 2], real and imaginary part; the blood's fraction; their derivatives
    by the phase at the wall [E, 2] and by the radius [E, 2], [1].
    """

    tables: Single
    start_mm: tuple[float, float]
    step_mm: tuple[float, float]


def vessel_image(
    section: CrossSection, radius_mm: float, wall_rad: Real, azimuth: float
) -> VesselImage:
    """Image of a vessel without blood, less 1, and of its blood alone.

    Parameters
    ----------
    section
        What the scan resolves.
    radius_mm
        Of the vessel.
    wall_rad
        Phase at the vessel's wall in the direction of ``azimuth``, an echo an entry [E].
    azimuth
        Direction of B0 in the plane [rad], from its x to its y.
    """
    spectra = _spectra(section, radius_mm, wall_rad, azimuth)
    y, x = section.axes_mm
    along_y, along_x = section.waves
    lines = along_x @ spectra.reshape(section.rows.size, section.columns.size, -1)
    tables = along_y @ lines.reshape(along_y.shape[1], -1)
    return VesselImage(
        tables.reshape(y.size, x.size, -1), (float(y[0]), float(x[0])), section.step_mm
    )


def _spectra(section: CrossSection, radius_mm: float, wall_rad: Real, azimuth: float) -> Single:
    """Transforms of all images [K, T]."""
    held = radial_tables()
    made = np.empty((section.weight.size, 6 * wall_rad.size + 2), np.float32)
    outside_spectrum(
        held.outside,
        (held.alpha_step, held.kappa_step),
        wall_rad,
        radius_mm,
        azimuth,
        section.k_length,
        section.k_angle,
        section.weight,
        made,
    )
    kappa = 2 * math.pi * radius_mm * section.k_length
    around = 2 * math.pi * radius_mm * section.weight
    made[:, 2 * wall_rad.size] = radius_mm * around * of_disc(kappa)
    made[:, -1] = around * j0(kappa)
    return made
