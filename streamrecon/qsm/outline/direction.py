r"""Which way B0 points, by the field that the object's outline makes against air.

.. math:: f = \sum_{ij} Q_{ij} F_{ij}, \quad Q = s\,(b b^T - 1/3),
          \quad \hat F_{ij}(k) = \hat\chi(k) \Big(\frac{\delta_{ij}}{3} - \frac{k_i k_j}{k^2}\Big)

for every direction b. The one whose gradients are most like those of the phase is that of B0; the
sign of s is that of the phase, and its size about 1 where nothing has been filtered off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.outline.field import field_of_outline
from streamrecon.qsm.outline.gradients import (
    Complex,
    PhaseInOutline,
    Real,
    phase_in_outline,
    smooth_gradients,
)
from streamrecon.units import hz_per_ppm

_PAIRS = tuple(combinations(range(3), 2))


def _hemisphere(count: int) -> NDArray[np.float64]:
    """Directions evenly over a hemisphere, by the golden angle [N, 3]."""
    height = (np.arange(count) + 0.5) / count
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - height**2)
    return np.stack([height, radius * np.cos(turn), radius * np.sin(turn)], axis=1)


_HEMISPHERE = _hemisphere(1000)  # 3° apart


@dataclass(frozen=True, slots=True)
class OutlineDirection:
    """What the outline's field says of the direction of B0.

    Parameters
    ----------
    of_stated, of_best
        Correlation of measured and expected gradients for the stated direction, negative where the
        phase has the other sign, and for the best one.
    scale
        Measured over expected gradients, root mean squares: bones and sinuses make it larger than
        1, a high-pass filter of the phase makes it small.
    depth_mm
        How far the voxels that were compared reach, along the axis where they reach least. In less
        than 40 mm, slabs of heads below 120 mm, other directions than that of B0 agree better.
    """

    of_stated: float
    of_best: float
    scale: float
    depth_mm: float


def outline_direction(
    echoes: Complex,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    readout_polarity: Sequence[int] = (),
) -> OutlineDirection | None:
    """Compare the stated direction of B0 with all others; six forward fields, voxels of 3 mm.

    Bones and sinuses are no part of the outline: in a head the best direction is 3 to 15° off, and
    a ball has none. Phase of the wrong sign agrees with a direction about 90° away: the two faults
    are not told apart. ``None`` where no air bounds the object, as in `check_outline`, whose
    parameters and errors these are.

    References
    ----------
    Marques and Bowtell (2005) Concepts Magn Reson B 25:65. doi:10.1002/cmr.b.20034
    """
    seen = phase_in_outline(echoes, te_s, geometry, readout_polarity)
    fields = _fields(seen, 2 * np.pi * hz_per_ppm(b0_t) * seen.time_s)
    parts = [smooth_gradients(seen, fields, axis) for axis in range(3)]
    known = [part for part in parts if part is not None]
    if len(known) < 2:
        return None
    measured = np.concatenate([part[0] for part in known])
    expected = np.concatenate([part[1] for part in known], axis=1)
    power = float(measured @ measured)
    if not (power > 0 and np.isfinite(power) and expected.any()):
        return None
    best = _axis(measured, expected)
    stated = np.array(geometry.b0_axis())
    along = _of_direction(stated, expected)
    return OutlineDirection(
        of_stated=_correlation(measured, along),
        of_best=_correlation(measured, _of_direction(best, expected)),
        scale=float(np.sqrt(power / max(float(along @ along), np.finfo(float).tiny))),
        depth_mm=seen.depth_mm(),
    )


def _fields(seen: PhaseInOutline, rad_per_ppm: float) -> list[Real]:
    """Fields of the six elements of Q, each off-diagonal one for both its places [rad]."""
    axes = np.eye(3)
    diagonal = [_field_along(seen, axis) * rad_per_ppm for axis in axes]
    mixed = [
        2 * rad_per_ppm * _field_along(seen, (axes[i] + axes[j]) / np.sqrt(2))
        - (diagonal[i] + diagonal[j])
        for i, j in _PAIRS
    ]
    return [*diagonal, *mixed]


def _field_along(seen: PhaseInOutline, b: NDArray[np.float64]) -> Real:
    """Field of the outline were B0 along ``b`` (z, y, x)."""
    first = np.cross(b, np.eye(3)[int(np.argmin(np.abs(b)))])
    first /= np.linalg.norm(first)
    turned = np.stack([first, np.cross(b, first), b], axis=1)
    return field_of_outline(seen.found, replace(seen.geometry, axes_lps=turned))


def _axis(measured: Real, expected: Real) -> NDArray[np.float64]:
    """The direction whose gradients are most like those measured, with the phase sign stated."""
    weights = np.stack([_weights(b) for b in _HEMISPHERE])
    products = weights @ (expected @ measured)
    powers = np.einsum("di,ij,dj->d", weights, expected @ expected.T, weights)
    likeness = products / np.sqrt(np.maximum(powers, np.finfo(float).tiny))
    return np.asarray(_HEMISPHERE[np.argmax(likeness)], np.float64)


def _of_direction(b: NDArray[np.float64], expected: Real) -> Real:
    """Gradients that B0 along ``b`` would make [V]."""
    return np.asarray(_weights(b) @ expected)


def _weights(b: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of each field B0 along ``b`` makes."""
    return np.array([*(b**2), *(b[i] * b[j] for i, j in _PAIRS)])


def _correlation(measured: Real, wanted: Real) -> float:
    power = float(measured @ measured) * float(wanted @ wanted)
    return float(measured @ wanted) / np.sqrt(power) if power > 0 else 0.0
