"""The image of a straight vessel: its cross-section through the point spread of the scan."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0

from streamrecon.analysis.oxygen.tube._tube_kernels import outside_spectrum
from streamrecon.analysis.oxygen.tube.plane_nodes import plane_nodes, unit_nodes
from streamrecon.analysis.oxygen.tube.tube_transform import of_disc, radial_tables
from streamrecon.model.geometry import Triple

Real = NDArray[np.float64]
Single = NDArray[np.float32]
Waves = tuple[Single, Single]

_PER_CYCLE = 7.0  # samples of the table for a cycle of its highest frequency
_ROOM_PIXELS = 2  # beyond the table's end: the vessel's wall turns its transform too


@dataclass(frozen=True, slots=True, eq=False)
class CrossSection:
    """What a scan resolves in the plane across a vessel.

    The transform of an infinite cylinder lies in the plane through k = 0 across its axis; a scan
    keeps what lies inside the box of its k-space, which cuts a polygon of up to six sides out of
    that plane.

    Parameters
    ----------
    k_length, k_angle
        Distance from k = 0 [1/mm] and direction [rad] of each node [K], row after row.
    weight
        Its area [1/mm²] inside the polygon [K], doubled for the mirrored half, and what reading
        between the samples of a table takes off its frequency, by which values are right on the
        mean of all places; from place to place they are 0.7 % off at the highest.
    rows
        How many rows the nodes have.
    edge
        Largest frequency of the polygon along the plane's axes [1/mm].
    half_mm
        The image is known to this distance from the vessel.
    waves
        Cosine and negative sine of each row's frequency at the places of a table [Y, rows·2], and
        cosine, then sine of that of each row's nodes [rows, 2·X, nodes].
    """

    k_length: Real
    k_angle: Real
    weight: Real
    rows: int
    edge: tuple[float, float]
    half_mm: float
    waves: Waves

    @property
    def step_mm(self) -> tuple[float, float]:
        """Distance between the rows and between the columns of a table."""
        return _steps(self.edge)

    @property
    def axes_mm(self) -> tuple[Real, Real]:
        """Places of the rows and of the columns of a table; the half with x < 0 is the same."""
        return _axes(self.edge, self.half_mm)


def cross_section(
    across: NDArray[np.float64], resolution_mm: Triple, half_mm: float
) -> CrossSection:
    """The nodes in k-space that see a vessel.

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
    nodes = plane_nodes(across, resolution_mm, half_mm + _ROOM_PIXELS * max(resolution_mm))
    y, x = _axes(nodes.edge, half_mm)
    turn_y = 2 * math.pi * np.outer(y, nodes.rows)
    turn_x = 2 * math.pi * x[:, None] * nodes.columns[:, None]
    along_y = np.stack([np.cos(turn_y), -np.sin(turn_y)], axis=-1).reshape(y.size, -1)
    along_x = np.concatenate([np.cos(turn_x), np.sin(turn_x)], axis=1)
    ky, kx = (k.ravel() for k in np.broadcast_arrays(nodes.rows[:, None], nodes.columns))
    step_y, step_x = _steps(nodes.edge)
    kept = _kept(nodes.rows * step_y)[:, None] * _kept(nodes.columns * step_x)
    return CrossSection(
        k_length=np.hypot(ky, kx),
        k_angle=np.arctan2(ky, kx),
        weight=(nodes.weight / kept).ravel(),
        rows=nodes.rows.size,
        edge=nodes.edge,
        half_mm=half_mm,
        waves=(along_y.astype(np.float32), along_x.astype(np.float32)),
    )


def _kept(cycles: Real) -> Real:
    """What cubic interpolation leaves of waves of so many cycles a sample, on the mean."""
    x, weight = unit_nodes(8)
    near, far = (1 - x**2) * (2 - x) / 2, -x * (1 - x) * (2 - x) / 6  # at x and at 1 + x
    turn = 2 * math.pi * cycles[..., None]
    return np.asarray((np.cos(turn * x) * near + np.cos(turn * (1 + x)) * far) @ (2 * weight))


def _steps(edge: tuple[float, float]) -> tuple[float, float]:
    return 1 / (_PER_CYCLE * edge[0]), 1 / (_PER_CYCLE * edge[1])


def _axes(edge: tuple[float, float], half_mm: float) -> tuple[Real, Real]:
    step_y, step_x = _steps(edge)
    ny, nx = (math.ceil(half_mm / step) + 2 for step in (step_y, step_x))
    return np.arange(-ny, ny + 1.0) * step_y, np.arange(-1, nx + 1.0) * step_x


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
    lines = along_x @ spectra.reshape(section.rows, -1, spectra.shape[1])
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
