r"""The transform of a vessel's cross-section: tables of the radial functions that it is made of.

Across an infinite cylinder of radius a, with u = ρ/a, the spins outside turn by α cos 2φ / u². With
the Jacobi-Anger series their two-dimensional transform is

.. math::

    2\pi a^2 \Bigl[h_0(\kappa, \alpha) + 2 \sum_{n \ge 1} (-i)^n \cos(2n\varphi_k)\,
    h_n(\kappa, \alpha)\Bigr], \quad
    h_n = \int_1^\infty \bigl[J_n(\alpha/u^2) - \delta_{n0}\bigr] J_{2n}(\kappa u)\, u\, du

where κ = 2πka. The first term of each J_n is integrated in closed form, the remainder, which falls
as u⁻⁷ or faster, by quadrature to u = 12.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import it2j0y0, j0, j1, jv

Real = NDArray[np.float64]

ALPHA_MAX = 16.0
"""Largest phase [rad] at the vessel's wall that the tables hold."""
KAPPA_MAX = 24.0
"""Largest 2πka that they hold: a radius of four voxels at the corner of k-space."""

_ORDERS = 22  # J_n(16) is below 4e-3 from there on
_ALPHA_STEP, _KAPPA_STEP = 0.25, 0.2
_FARTHEST = 12.0
_PANELS, _POINTS = 48, 8  # 384 nodes: more than six for each period of J(24 u)


@dataclass(frozen=True, slots=True, eq=False)
class RadialTables:
    """h_n at equal steps of α and κ, with one row beyond zero on either axis.

    Parameters
    ----------
    outside
        h_n [N, A, K]; row 1 is α = 0, column 1 is κ = 0.
    alpha_step, kappa_step
        Distance of rows and of columns.
    """

    outside: Real
    alpha_step: float
    kappa_step: float


@cache
def radial_tables() -> RadialTables:
    """The tables; made once in a process, within about a second."""
    alpha = _ALPHA_STEP * np.arange(-1.0, round(ALPHA_MAX / _ALPHA_STEP) + 3)
    kappa = _KAPPA_STEP * np.arange(-1.0, round(KAPPA_MAX / _KAPPA_STEP) + 3)
    u, weight = _nodes()
    outside = np.empty((_ORDERS, alpha.size, kappa.size))
    positive = np.abs(kappa)  # J_2n is even
    for n in range(_ORDERS):
        lead = _leading(n, alpha)
        remainder = jv(n, alpha[:, None] / u**2) - (n == 0) - lead[:, None] * u ** -_power(n)
        outside[n] = (remainder * weight * u) @ jv(2 * n, positive * u[:, None])
        outside[n] += lead[:, None] * _of_leading(n, positive)
    outside.setflags(write=False)
    return RadialTables(outside, _ALPHA_STEP, _KAPPA_STEP)


def of_disc(kappa: Real) -> Real:
    """J₁(κ)/κ: the transform of the inside, in units of 2πa²."""
    small = kappa < 1e-6
    return np.asarray(np.where(small, 0.5, j1(kappa) / np.where(small, 1, kappa)))


def _nodes() -> tuple[Real, Real]:
    """Gauss-Legendre nodes and weights in equal panels of 1 … 12."""
    node, weight = np.polynomial.legendre.leggauss(_POINTS)
    edges = np.linspace(1, _FARTHEST, _PANELS + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (node + 1)).ravel(), (half * weight).ravel()


def _power(n: int) -> float:
    """The leading term of J_n(α/u²) − δ falls as 1/u to this power."""
    return 4.0 if n == 0 else 2.0 * n


def _leading(n: int, alpha: Real) -> Real:
    """Coefficient of that term."""
    if n == 0:
        return -(alpha**2) / 4
    return np.asarray((alpha / 2) ** n / math.factorial(n))


def _of_leading(n: int, kappa: Real) -> Real:
    """∫ u^(1 − power) J_2n(κu) du over 1 … ∞, in closed form."""
    if n > 0:
        safe = np.where(kappa < 1e-6, 1, kappa)
        return np.asarray(np.where(kappa < 1e-6, 0.5 * (n == 1), jv(2 * n - 1, safe) / safe))
    safe = np.where(kappa < 1e-6, 1e-6, kappa)
    tail = -np.euler_gamma - np.log(safe / 2) + it2j0y0(safe)[0]
    return np.asarray((j0(safe) - safe / 2 * (j1(safe) + safe * tail)) / 2)
