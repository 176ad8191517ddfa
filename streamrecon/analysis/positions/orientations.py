r"""Directions of B0 in several positions of a head, and what they can tell apart.

With unit vectors :math:`b_i` the field of a source at the direction :math:`\hat k` is seen with the
weight :math:`s(\hat k)^2 = \sum_i (1/3 - (\hat k \cdot b_i)^2)^2`. One position has a cone with
:math:`s = 0`, and the cones of two always cross: only a third determines every direction. The
condition number is :math:`\max s / \min s` over all directions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

LARGEST_CONDITION = 10.0
"""Beyond it a map from several orientations is refused or flagged."""

_DIRECTIONS = 20_000
_STARTS, _STEPS = 64, 8
_NOTHING = 1e-12  # of a weight
_TILTS_DEG = (20.0, -20.0)
_TURNS = {"left-right": np.array([1.0, 0, 0]), "anterior-posterior": np.array([0, 1.0, 0])}


@dataclass(frozen=True, slots=True)
class Adequacy:
    """How well a set of orientations determines χ.

    Parameters
    ----------
    condition
        Ratio of the largest and the least weight of a direction; inf for one orientation or two.
    least_weight
        Least sum of squares :math:`s^2`.
    advice
        The one more tilt that helps most, as a sentence; empty where none is needed.
    """

    condition: float
    least_weight: float
    advice: str = ""

    @property
    def is_adequate(self) -> bool:
        """Whether the condition number is at most 10."""
        return self.condition <= LARGEST_CONDITION

    @property
    def doubt(self) -> str:
        """What a reader of a map must know where the orientations are too few; else empty."""
        if self.is_adequate:
            return ""
        condition = f"{self.condition:.1f}"
        if math.isinf(self.condition):
            condition = "infinite (some directions are seen by none)"
        return f"condition number {condition}, needed at most {LARGEST_CONDITION:g}: {self.advice}"


def tilt_deg(one: Vector, other: Vector) -> float:
    """Angle between two directions of B0 in a head [deg], 0 … 180."""
    return math.degrees(math.acos(min(1.0, max(-1.0, float(one @ other)))))


def weights(directions: Sequence[Vector]) -> Vector:
    """Weights s² of directions of k-space spread evenly over the sphere."""
    return _weights_at(_sphere(_DIRECTIONS), directions)


def _weights_at(k: Vector, directions: Sequence[Vector]) -> Vector:
    return np.asarray(np.sum([(1 / 3 - (k @ b) ** 2) ** 2 for b in directions], axis=0))


def adequacy(directions: Sequence[Vector]) -> Adequacy:
    """Judge orientations by their directions of B0, unit vectors (L, P, S) in the head's frame.

    The advice tries tilts of 20° about the left-right and the anterior-posterior axis, since a neck
    turns no further in a coil. It knows nothing of noise: more scans help that too.

    References
    ----------
    Liu et al. (2009) Magn Reson Med 61:196. doi:10.1002/mrm.21828
    """
    condition, least = _condition(directions)
    advice = "" if condition <= LARGEST_CONDITION else _advice(directions)
    return Adequacy(condition, least, advice)


def _condition(directions: Sequence[Vector]) -> tuple[float, float]:
    """Condition number, and the least weight."""
    k = _sphere(_DIRECTIONS)
    seen = _weights_at(k, directions)
    lowest = k[np.argsort(seen)[:_STARTS]]
    below = _weights_at(_descended(lowest, directions), directions)
    least = min(float(seen.min()), float(below.min()))
    return (math.sqrt(float(seen.max()) / least) if least > _NOTHING else math.inf), least


def _descended(k: Vector, directions: Sequence[Vector]) -> Vector:
    """Directions [count, 3] moved to where they are seen least, by Gauss-Newton on the sphere."""
    b = np.array(directions)
    for _ in range(_STEPS):
        along = k @ b.T
        slopes = -2 * along[..., None] * (b - along[..., None] * k[:, None])
        step = np.linalg.pinv(slopes, rcond=1e-6) @ (along**2 - 1 / 3)[..., None]
        k = k + step[..., 0]
        k /= np.linalg.norm(k, axis=1, keepdims=True)
    return k


def _advice(directions: Sequence[Vector]) -> str:
    found = []
    for about, axis in _TURNS.items():
        for degrees in _TILTS_DEG:
            b = _turned(axis, degrees)
            found.append((_condition([*directions, b])[0], about, degrees))
    condition, about, degrees = min(found)
    if condition > LARGEST_CONDITION:
        return (
            f"one more at {degrees:+.0f}° about the {about} axis, and another about the other one"
        )
    return f"one more at {degrees:+.0f}° about the {about} axis: condition {condition:.1f}"


def _turned(axis: Vector, degrees: float) -> Vector:
    """B0 in a head that is turned about an axis of its own."""
    angle = math.radians(degrees)
    up = np.array([0, 0, 1.0])
    return up * math.cos(angle) - np.cross(axis, up) * math.sin(angle)


def _sphere(count: int) -> Vector:
    """Points spread evenly over half of a sphere, by the golden angle [count, 3]."""
    z = (np.arange(count) + 0.5) / count
    around = np.arange(count) * math.pi * (3 - math.sqrt(5))
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(around), radius * np.sin(around), z], axis=1)
