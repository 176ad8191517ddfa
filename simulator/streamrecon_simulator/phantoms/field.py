"""Closed-form fields of magnetised shapes, as the nuclei feel them.

A shape whose susceptibility exceeds that of its surroundings by Δχ changes the field along B0 by
``Δχ · unit_field``: the demagnetising field plus the sphere of Lorentz, first order in χ (an error
of the order of χ², 1e-5 of the field). Fields of several shapes add up. The whole magnetisation is
taken along B0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import elliprd

from streamrecon_simulator.phantoms.shapes import (
    Cylinder,
    Ellipsoid,
    Point,
    Shape,
    Sphere,
    Tube,
    along_axis,
    from_centre,
)

B0_LPS: Point = (0.0, 0.0, 1.0)
"""Direction of B0: the patient lies along the bore."""


def unit_field(
    shape: Shape, points_mm: NDArray[np.float64], b0: Point = B0_LPS
) -> NDArray[np.float64]:
    """Relative field along B0 of a shape with Δχ = 1.

    Parameters
    ----------
    shape
        The source.
    points_mm
        Where the field is wanted, positions (L, P, S) [3, ...], mm.
    b0
        Unit vector of B0 in (L, P, S).

    Returns
    -------
    Field [...] in units of Δχ: in ppm if Δχ is in ppm.

    References
    ----------
    Haacke et al., Magnetic Resonance Imaging (1999), ch. 25, for sphere and cylinder;
    Osborn, Phys Rev 67:351 (1945), doi:10.1103/PhysRev.67.351, for the ellipsoid.

    Examples
    --------
    A sphere has no effect on its inside; outside, on its equator, the field is lowered.

    >>> points = np.array([[0.0, 4.0], [0.0, 0.0], [0.0, 0.0]])
    >>> unit_field(Sphere((0.0, 0.0, 0.0), 2.0), points).round(5).tolist()
    [0.0, -0.04167]
    """
    match shape:
        case Sphere():
            return _sphere(shape, points_mm, np.array(b0))
        case Cylinder():
            return _cylinder(shape, points_mm, np.array(b0))
        case Tube():
            return _tube(shape, points_mm, np.array(b0))
        case Ellipsoid():
            return _ellipsoid(shape, points_mm, np.array(b0))


def _sphere(
    sphere: Sphere, points_mm: NDArray[np.float64], b0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(a³/r³)(3cos²θ − 1)/3 outside, 0 inside."""
    away = from_centre(sphere, points_mm)
    square = np.einsum("i...,i...", away, away)
    outside = square > sphere.radius_mm**2
    square = np.maximum(square, sphere.radius_mm**2)
    cosine_square = np.einsum("i...,i", away, b0) ** 2 / square
    field = (sphere.radius_mm / np.sqrt(square)) ** 3 * (cosine_square - 1 / 3)
    return np.where(outside, field, 0.0)


def _cylinder(
    cylinder: Cylinder, points_mm: NDArray[np.float64], b0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(sin²θ/2)(a²/ρ²)cos2φ outside, (3cos²θ − 1)/6 inside."""
    axis = along_axis(cylinder)
    away = from_centre(cylinder, points_mm)
    square = np.einsum("i...,i...", away, away) - np.einsum("i...,i", away, axis) ** 2
    inside = square <= cylinder.radius_mm**2
    square = np.maximum(square, cylinder.radius_mm**2)
    cosine = float(axis @ b0)
    across = np.einsum("i...,i", away, b0 - cosine * axis)  # ρ sinθ cosφ
    field = cylinder.radius_mm**2 / square * (across**2 / square - (1 - cosine**2) / 2)
    return np.where(inside, (3 * cosine**2 - 1) / 6, field)


def _tube(
    tube: Tube, points_mm: NDArray[np.float64], b0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A line of dipoles outside; inside what the two missing halves leave of a cylinder's.

    Both are exact for a long tube; within a radius or two of an end it is an estimate. The field is
    that of flat ends: their rounding only closes the joints of a chain of tubes.
    """
    axis, half = along_axis(tube), tube.length_mm / 2
    cosine = float(axis @ b0)
    away = from_centre(tube, points_mm)
    along = np.einsum("i...,i", away, axis)
    beside = np.einsum("i...,i...", away, away) - along**2
    beyond = np.maximum(np.abs(along) - half, 0.0)
    inside = beside + beyond**2 <= tube.radius_mm**2
    across = np.einsum("i...,i", away, b0 - cosine * axis)
    far, near = (_line_of_dipoles(end - along, beside, across, cosine) for end in (half, -half))
    ends = sum(_beyond_an_end(half + side * along, tube.radius_mm) for side in (1, -1))
    within = (3 * cosine**2 - 1) * (1 / 6 - ends / 4)
    return np.where(inside, within, tube.radius_mm**2 / 4 * (far - near))


def _line_of_dipoles(
    t: NDArray[np.float64],
    beside: NDArray[np.float64],
    across: NDArray[np.float64],
    cosine: float,
) -> NDArray[np.float64]:
    """∫ (3 (r̂·b)² − 1) / r³ dt up to ``t`` along the line, at the squared distance ``beside``."""
    square = np.maximum(beside, 1e-6)  # on the line itself, beyond its ends: one micrometre off
    distance = np.sqrt(square + t**2)
    fifth = t / (3 * square * distance) * (1 / distance**2 + 2 / square)
    mixed = 1 / (3 * distance**3)
    axial = t**3 / (3 * square * distance**3)
    plain = t / (square * distance)
    # r points from the dipole to the point: its part along the line is -t
    along = across**2 * fifth + 2 * across * cosine * mixed + cosine**2 * axial
    return np.asarray(3 * along - plain)


def _beyond_an_end(depth: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Share of a half cylinder's field that is missed at a depth from its end: 1 at it, then 0."""
    depth = np.maximum(depth, 0.0)
    return 1 - depth / np.sqrt(depth**2 + radius**2)


def _ellipsoid(
    ellipsoid: Ellipsoid, points_mm: NDArray[np.float64], b0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """1/3 − b·N·b inside; outside the factors of the confocal ellipsoid and its gradient."""
    away = from_centre(ellipsoid, points_mm)
    shape, away = away.shape[1:], away.reshape(3, -1)
    semi_square = np.square(ellipsoid.semi_axes_mm)
    volume = float(np.prod(ellipsoid.semi_axes_mm))
    outside = np.einsum("in,in,i->n", away, away, 1 / semi_square) > 1
    field = np.empty(away.shape[1])
    field[~outside] = 1 / 3 - _depolarisation(semi_square[:, None], volume)[:, 0] @ b0**2
    away = away[:, outside]
    grown = semi_square[:, None] + _confocal(away, semi_square)
    scaled = away / grown
    surface = volume / np.sqrt(grown.prod(axis=0)) / np.square(scaled).sum(axis=0)
    field[outside] = (b0 @ scaled) ** 2 * surface - b0**2 @ _depolarisation(grown, volume)
    return field.reshape(shape)


def _depolarisation(semi_square: NDArray[np.float64], volume: float) -> NDArray[np.float64]:
    """Factors N along the three axes [3, N]; they sum to 1 on the surface of the ellipsoid.

    N_i = (abc/2) ∫ ds / ((s + a_i²) √((s + a²)(s + b²)(s + c²))) = (abc/3) R_D(…, a_i²)
    """
    a, b, c = semi_square
    return volume / 3 * np.stack([elliprd(b, c, a), elliprd(c, a, b), elliprd(a, b, c)])


def _confocal(away: NDArray[np.float64], semi_square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest root λ of Σ x_i² / (a_i² + λ) = 1, the confocal ellipsoid through each point [N].

    The root of the cubic is taken in its trigonometric form: all three roots are real.
    """
    square = away**2
    a, b, c = semi_square
    p = a + b + c - square.sum(axis=0)
    q = a * b + b * c + c * a
    q = q - square[0] * (b + c) - square[1] * (c + a) - square[2] * (a + b)
    r = a * b * c - square[0] * b * c - square[1] * c * a - square[2] * a * b
    spread = np.sqrt(np.maximum(p**2 - 3 * q, 0.0))
    third = np.arccos(np.clip((9 * p * q - 2 * p**3 - 27 * r) / (2 * spread**3), -1, 1)) / 3
    return np.asarray((2 * spread * np.cos(third) - p) / 3)
