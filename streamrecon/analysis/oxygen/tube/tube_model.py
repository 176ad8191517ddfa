"""The signal of a vessel in its surroundings, with its derivatives by what is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.oxygen.tube._tube_kernels import add_vessel
from streamrecon.analysis.oxygen.tube.tube_image import (
    CrossSection,
    VesselImage,
    cross_section,
    vessel_image,
)
from streamrecon.analysis.oxygen.vein_segments import VeinSegment
from streamrecon.model.geometry import Triple

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Derivatives = NDArray[np.complex64]

CHI, RADIUS, BLOOD, DECAY, CURVE, NEIGHBOURS = 0, 1, 2, 3, 4, 10
"""Places of the parameters: Δχ [ppm], ln of the radius [mm], ln of blood's signal over tissue's at
TE = 0, R2* of blood less tissue's [1/s], six of the curve [mm, 1, 1/mm], and the factor of the
neighbours' field less 1."""
N_PARAMETERS = 11

_BEND_RAD = math.radians(6.0)  # within a slab, whose vessel is straight; 12 lose 0.2 % of Δχ


@dataclass(frozen=True, slots=True, eq=False)
class VesselVoxels:
    """Voxels about a segment and what the model needs to know of the scan.

    Parameters
    ----------
    local_mm
        Their places in the segment's frame [N, 3].
    te_s
        Echo times [E].
    rad_per_ppm_s
        2π·γ̄·B0 [rad/(ppm·s)].
    b0
        Direction of B0 in the segment's frame [3].
    neighbours_ppm
        Field that other veins make there [N].
    """

    local_mm: Real
    te_s: Real
    rad_per_ppm_s: float
    b0: Real
    neighbours_ppm: Real


@dataclass(frozen=True, slots=True, eq=False)
class _Slab:
    """A part of the segment that is taken as straight."""

    members: NDArray[np.intp]
    t_mm: float
    section: CrossSection


class VesselModel:
    """Signal of a segment relative to that of the tissue about it, through the point spread.

    The vessel is an infinite cylinder at each place, with the direction that its curve has there;
    its own field at a bend, and the ends, are not in the model.
    """

    def __init__(
        self, segment: VeinSegment, voxels: VesselVoxels, resolution_mm: Triple, reach_mm: float
    ) -> None:
        self.voxels = voxels
        self._half_mm, self._frame = segment.half_mm, segment.frame
        self._resolution_mm, self._reach_mm = resolution_mm, reach_mm
        count = max(1, math.ceil(segment.bend_rad() / _BEND_RAD))
        edges = np.linspace(-segment.half_mm, segment.half_mm, count + 1)[1:-1]
        number = np.digitize(voxels.local_mm[:, 0], edges)
        self._members = [np.flatnonzero(number == n) for n in range(count)]
        self._slabs = self._along(segment.curve_mm)

    def follow(self, parameters: Real) -> None:
        """Look along the curve that a fit has found: by its direction hangs what is resolved."""
        self._slabs = self._along(parameters[CURVE:NEIGHBOURS].reshape(3, 2))

    def _along(self, curve_mm: Real) -> list[_Slab]:
        """The slabs of a curve [3, 2]."""
        slabs, count = [], len(self._members)
        for n, members in enumerate(self._members):
            t = self._half_mm * ((2 * n + 1) / count - 1)
            across = _turned(_direction(curve_mm, t)[1]) @ self._frame
            section = cross_section(across, self._resolution_mm, self._reach_mm)
            if members.size:
                slabs.append(_Slab(members, t, section))
        return slabs

    def __call__(self, parameters: Real) -> tuple[Complex, Derivatives]:
        """Signal [E, N] and its derivatives [parameters, E, N]; that by ``BLOOD`` is blood's part.

        About 2 ms for 1,000 voxels and five echoes.
        """
        v = self.voxels
        shape = (v.te_s.size, len(v.local_mm))
        signal, by = np.empty(shape, complex), np.empty((N_PARAMETERS, *shape), np.complex64)
        place, t = _across(v.local_mm, parameters[CURVE:NEIGHBOURS].reshape(3, 2))
        shift = 1j * v.rad_per_ppm_s * v.te_s[:, None] * v.neighbours_ppm
        turn = np.exp((1 + parameters[NEIGHBOURS]) * shift)
        for slab in self._slabs:
            image, radius, by_curve, echoes = self._of_slab(parameters, slab)
            add_vessel(
                image.tables, image.start_mm, image.step_mm, place, t, slab.members,
                radius, by_curve, echoes, turn, signal, by,
            )  # fmt: skip
        by[NEIGHBOURS] = shift * signal
        return signal, by

    def blood_fraction(self, parameters: Real) -> Real:
        """Fraction of each voxel that is blood [N], through the point spread."""
        plain = np.array(parameters)
        plain[[CHI, BLOOD, DECAY, NEIGHBOURS]] = 0, 0, 0, -1
        _, by = self(plain)
        return np.asarray(by[BLOOD, 0].real, np.float64)

    def angle(self, parameters: Real) -> tuple[float, Real]:
        """Cos of the angle to B0 at the middle, and its derivative by the curve [3, 2]."""
        return _cos_angle(self.voxels.b0, parameters[CURVE:NEIGHBOURS].reshape(3, 2), 0.0)

    def _of_slab(self, parameters: Real, slab: _Slab) -> tuple[VesselImage, float, Real, Complex]:
        """Image of a slab's vessel, its radius [mm], change of its cosine, factors [5, E]."""
        te, chi, radius = self.voxels.te_s, parameters[CHI], math.exp(parameters[RADIUS])
        curve = parameters[CURVE:NEIGHBOURS].reshape(3, 2)
        cos, by_curve = _cos_angle(self.voxels.b0, curve, slab.t_mm)
        turns = self.voxels.rad_per_ppm_s * te
        wall, core = turns * (1 - cos**2) / 2, turns * (3 * cos**2 - 1) / 6  # for 1 ppm
        azimuth = _azimuth(self.voxels.b0, curve, slab.t_mm)
        image = vessel_image(slab.section, radius, chi * wall, azimuth)
        ratio = np.exp(parameters[BLOOD] - parameters[DECAY] * te + 1j * chi * core)
        echoes = np.stack([ratio, wall, 1j * core, chi * turns * cos, -te])
        return image, radius, by_curve, echoes


def _turned(direction: Real) -> Real:
    """The frame's axes across, turned the shortest way with its first axis to ``direction``."""
    across = np.eye(3)[1:]
    both = direction + np.array([1.0, 0.0, 0.0])
    return np.asarray(across - (direction[1:, None] / (1 + direction[0])) * both)


def _slope(curve_mm: Real, t_mm: Real) -> Real:
    """Of the curve across [2, N]."""
    return np.asarray(curve_mm[1][:, None] + 2 * curve_mm[2][:, None] * t_mm)


def _direction(curve_mm: Real, t_mm: float) -> tuple[Real, Real]:
    """Slopes across [2] and unit vector [3] along the curve at one place."""
    slope = curve_mm[1] + 2 * t_mm * curve_mm[2]
    return slope, np.array([1.0, *slope]) / math.sqrt(1 + float(slope @ slope))


def _across(local_mm: Real, curve_mm: Real) -> tuple[Real, Real]:
    """Place in the plane across the curve [N, 2] at the nearest point of it, and its t [N]."""
    along, y, x = local_mm.T
    (y0, x0), (y1, x1), (y2, x2) = curve_mm
    t = along
    for _ in range(2):
        slope_y, slope_x = _slope(curve_mm, t)
        beside_y, beside_x = y - (y0 + t * (y1 + t * y2)), x - (x0 + t * (x1 + t * x2))
        step = along - t + slope_y * beside_y + slope_x * beside_x
        t = t + step / (1 + slope_y**2 + slope_x**2)
    slope_y, slope_x = _slope(curve_mm, t)
    length = np.sqrt(1 + slope_y**2 + slope_x**2)
    ahead = (along - t) / (1 + length)  # times the slope: what the turned frame takes up
    beside_y, beside_x = y - (y0 + t * (y1 + t * y2)), x - (x0 + t * (x1 + t * x2))
    return np.column_stack([beside_y - slope_y * ahead, beside_x - slope_x * ahead]), t


def _cos_angle(b0: Real, curve_mm: Real, t_mm: float) -> tuple[float, Real]:
    slope, unit = _direction(curve_mm, t_mm)
    cos = float(unit @ b0)
    by_slope = (b0[1:] - cos * unit[1:]) / math.sqrt(1 + float(slope @ slope))
    return cos, np.stack([0 * by_slope, by_slope, 2 * t_mm * by_slope])


def _azimuth(b0: Real, curve_mm: Real, t_mm: float) -> float:
    _, unit = _direction(curve_mm, t_mm)
    y, x = _turned(unit) @ b0
    return math.atan2(y, x)
