"""Compiled loops of the splits of phase and harmonic rest, flat, over ``first … last``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Real = NDArray[np.float32]


@njit(nogil=True)
def split_phase(
    model: Real, dual: Real, phase: Real, weight: Real, rho: float, first: int, last: int
) -> None:
    """One step of a split for weight |exp(iz) - exp(i phase)|², by five Newton steps [rad].

    Not relaxed: ``dual`` is u, and z is nearest to model + dual.
    """
    for v in range(first, last):
        total = model[v] + dual[v]
        z = total
        for _ in range(5):
            slope = weight[v] * np.sin(z - phase[v]) + rho * (z - total)
            # the curvature of the cosine may be negative: then a step of the bound is taken
            z -= slope / (rho + weight[v] * max(np.cos(z - phase[v]), 0.0))
        dual[v] = total - z
        model[v] = 2 * z - total


@njit(nogil=True, fastmath=True)
def split_harmonic(
    curvature: Real, dual: Real, weight: Real, rho: float, first: int, last: int
) -> None:
    """One step of the split of ∇²φ: ``dual`` is renewed, ``curvature`` becomes z - u; flat.

    z minimises weight z² + rho (z - curvature - dual)².
    """
    for v in range(first, last):
        total = curvature[v] + dual[v]
        z = rho * total / (weight[v] + rho)
        dual[v] = total - z
        curvature[v] = 2 * z - total
