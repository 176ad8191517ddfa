r"""Field of a ball whose susceptibility depends on its direction to B0, in closed form.

A bundle of fibres has :math:`\chi = \mathrm{MMS}\,I + \mathrm{MSA}(vv^T - I/3)`. A ball of one
tensor is magnetised evenly along :math:`m = \chi b`, which need not be that of B0; it has the field
of a dipole outside, and none inside, as one without a direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.phantoms.field import B0_LPS
from streamrecon_simulator.phantoms.shapes import Point, Sphere, from_centre


@dataclass(frozen=True, slots=True)
class Anisotropy:
    """Susceptibility along a direction (L, P, S) above that across it [ppm]."""

    msa_ppm: float
    direction: Point


def anisotropic_field(
    ball: Sphere, anisotropy: Anisotropy, points_mm: NDArray[np.float64], b0: Point = B0_LPS
) -> NDArray[np.float64]:
    """Relative field along B0 of the part without a trace [...], ppm; add that of its mean.

    Parameters
    ----------
    ball
        The source.
    anisotropy
        Of all of it.
    points_mm
        Positions (L, P, S) [3, ...], mm.
    b0
        Unit vector of B0 in (L, P, S).

    References
    ----------
    Liu (2010) Magn Reson Med 63:1471. doi:10.1002/mrm.22482

    Examples
    --------
    Three bundles across one another are none.

    >>> at = np.array([[3.0], [1.0], [-2.0]])
    >>> ball = Sphere((0.0, 0.0, 0.0), 1.0)
    >>> along = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    >>> abs(sum(anisotropic_field(ball, Anisotropy(1.0, v), at) for v in along).round(9)).tolist()
    [0.0]
    """
    b, v = np.array(b0), np.array(anisotropy.direction)
    v = v / np.linalg.norm(v)
    moment = anisotropy.msa_ppm * ((v @ b) * v - b / 3)
    away = from_centre(ball, points_mm)
    square = np.einsum("i...,i...", away, away)
    outside = square > ball.radius_mm**2
    square = np.maximum(square, ball.radius_mm**2)
    both = np.einsum("i...,i", away, b) * np.einsum("i...,i", away, moment) / square
    field = (ball.radius_mm / np.sqrt(square)) ** 3 * (both - moment @ b / 3)
    return np.where(outside, field, 0.0)
