"""Closed shapes of uniform susceptibility, in patient coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float, float]
"""A position or a direction (L, P, S) [mm]."""


@dataclass(frozen=True, slots=True)
class Sphere:
    """Ball of a radius [mm] about a centre (L, P, S) [mm]."""

    centre_mm: Point
    radius_mm: float


@dataclass(frozen=True, slots=True)
class Cylinder:
    """Infinite circular cylinder: an axis through ``centre_mm`` along ``direction``.

    The direction need not have unit length.
    """

    centre_mm: Point
    direction: Point
    radius_mm: float


@dataclass(frozen=True, slots=True)
class Tube:
    """Piece of a vessel: all points within a radius [mm] of a straight line between two ends."""

    start_mm: Point
    end_mm: Point
    radius_mm: float

    @property
    def centre_mm(self) -> Point:
        """The middle of its axis (L, P, S) [mm]."""
        left, posterior, superior = (
            (a + b) / 2 for a, b in zip(self.start_mm, self.end_mm, strict=True)
        )
        return left, posterior, superior

    @property
    def length_mm(self) -> float:
        """Length of its axis [mm]."""
        return math.dist(self.start_mm, self.end_mm)

    @property
    def direction(self) -> Point:
        """From its start to its end (L, P, S), not of unit length."""
        left, posterior, superior = (b - a for a, b in zip(self.start_mm, self.end_mm, strict=True))
        return left, posterior, superior


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """Ellipsoid with its three semi-axes [mm] along L, P and S."""

    centre_mm: Point
    semi_axes_mm: Point


Shape = Sphere | Cylinder | Tube | Ellipsoid


def from_centre(shape: Shape, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors from the shape's centre to the points [3, ...], mm."""
    centre = np.array(shape.centre_mm)
    return np.asarray(points_mm - centre.reshape(3, *(1,) * (points_mm.ndim - 1)))


def along_axis(cylinder: Cylinder | Tube) -> NDArray[np.float64]:
    """Unit vector along the axis [3]."""
    direction = np.array(cylinder.direction)
    return np.asarray(direction / np.linalg.norm(direction))


def contains(shape: Shape, points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the points [3, ...] lie in the shape, surface included.

    >>> contains(Sphere((0.0, 0.0, 0.0), 2.0), np.array([[0.0, 3.0], [1.0, 0.0], [1.0, 0.0]]))
    array([ True, False])
    """
    away = from_centre(shape, points_mm)
    match shape:
        case Sphere(radius_mm=radius):
            return np.asarray(np.einsum("i...,i...", away, away) <= radius**2)
        case Cylinder(radius_mm=radius):
            beside = np.einsum("i...,i...", away, away)
            beside -= np.einsum("i...,i", away, along_axis(shape)) ** 2
            return np.asarray(beside <= radius**2)
        case Tube(radius_mm=radius):
            along = np.einsum("i...,i", away, along_axis(shape))
            beyond = np.maximum(np.abs(along) - shape.length_mm / 2, 0.0)
            beside = np.einsum("i...,i...", away, away) - along**2
            return np.asarray(beside + beyond**2 <= radius**2)
        case Ellipsoid(semi_axes_mm=semi):
            weights = 1 / np.square(semi)
            return np.asarray(np.einsum("i...,i...,i", away, away, weights) <= 1)
