r"""What removals of the background and inversions iterate with: conjugate gradients, ADMM.

A relaxed split of ADMM keeps its variable z and the scaled dual u as one state, z + u; its cost
says how much of that is z:

.. math:: s \leftarrow s + \alpha\,(K\chi - z), \quad z = \operatorname{prox}(s), \quad u = s - z

α = 1 is the plain method of multipliers; α = 0 leaves the state and tells z - u. Every step
of a split works in place on arrays that the solver owns; arithmetic is in the compiled loops.

References
----------
Eckstein and Bertsekas (1992) Math Program 55:293. doi:10.1007/BF01581204
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.fft_plans import RealPlan
from streamrecon.machine.threads import at_once
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm._kernels import (
    mix_spectra,
    shrink_gradients,
    shrink_row,
    split_data,
    split_data_absolute,
    split_harmonic,
    split_phase,
)
from streamrecon.qsm.dipole import frequencies
from streamrecon.qsm.nearness import Unfinished

Real = NDArray[np.float32]
ByteWeights = NDArray[np.uint8]
Spectrum = NDArray[np.complex64]
Step = tuple[float, float]
Split = Callable[[Real, Real, Real, Real, Step], None]

WHOLE = 255
"""The weight of a gradient that counts in full."""

RELAXATION = 1.85
"""α of total variation's splits: 60 steps of it go farther than 100 of 1.

A ``Step`` is the weight of the state in a split, ρ, and α.
"""


class Operator(NamedTuple):
    """A linear map and its adjoint; each returns an array that nobody else holds."""

    forward: Callable[[Real], Real]
    adjoint: Callable[[Real], Real]


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What an iteration gives: the unknown, the steps it took, how far it got.

    ``residual`` is relative to the start; ``converged`` is false where the steps ran out first;
    ``comment`` is what a reader of the result should know besides. ``above_least`` is what the sum
    that is made small may be above its least, in parts of that; NaN where nobody knows.
    """

    unknown: Real
    iterations: int
    residual: float
    converged: bool
    comment: str = ""
    above_least: float = math.nan


def checked_field(field_ppm: NDArray[np.floating], mask: NDArray[np.bool_], stage: str) -> Real:
    """The field [Z, Y, X, ppm] in single precision, 0 outside the mask.

    Raises
    ------
    ReconError
        If the mask is empty or the field is not finite inside it; it names the stage.
    """
    if not mask.any():
        raise ReconError(f"{stage}: the mask is empty")
    if not np.isfinite(field_ppm[mask]).all():
        raise ReconError(f"{stage}: the field is not finite inside the mask")
    return np.where(mask, field_ppm, 0).astype(np.float32)


class Convolution:
    """Periodic convolution with a real, symmetric kernel on the half spectrum; its own adjoint.

    Belongs to one thread at a time.
    """

    def __init__(self, kernel: Real, shape: tuple[int, ...]) -> None:
        self._plan = RealPlan(shape)
        self._kernel = (kernel / np.float32(np.prod(shape))).astype(np.float32, copy=False)

    def __call__(self, values: Real, after: Real | None = None) -> Real:
        """The values convolved, and times ``after`` where it is given."""
        self._plan.real[...] = values
        self._plan.forward()
        self._plan.spectrum *= self._kernel
        found = self._plan.inverse()
        return found.copy() if after is None else found * after


def least_squares(
    operator: Operator,
    data: Real,
    *,
    damping: float = 0.0,
    iterations: int,
    tolerance: float,
    least_gain: float = 0.0,
) -> Solution:
    r"""Conjugate gradients on the normal equations (CGLS), from zero.

    .. math:: \min_x \|A x - b\|^2 + \text{damping}\,\|x\|^2

    Stops where the gradient has fallen to ``tolerance`` of its first value, or where a step takes
    no more than ``least_gain`` of what is left of the sum. The first is a part of all data, so that
    it comes early where most of them are easily explained; the second is a part of what is not. One
    forward and one adjoint a step. Stopped early it smooths: later steps fit noise.

    `streamrecon.qsm.nearness.Unfinished` tells how far it may be above the least sum.

    Raises
    ------
    ReconError
        If the data are zero or not finite.

    References
    ----------
    Hestenes and Stiefel (1952) J Res Nat Bur Stand 49:409. doi:10.6028/jres.049.044
    """
    r = data.astype(np.float32, copy=True)
    p = operator.adjoint(r)
    gamma = first = _energy(p)
    if not np.isfinite(first) or first == 0:
        raise ReconError(f"least squares: found data of energy {first:g}, needed finite, above 0")
    x = np.zeros_like(p)
    step, gains = 0, True
    ahead = Unfinished(damping, _energy(r), gamma)
    while step < iterations and gains and gamma > tolerance**2 * first:
        q = operator.forward(p)
        alpha = np.float32(gamma / (_energy(q) + damping * _energy(p)))
        x += alpha * p
        q *= alpha
        r -= q
        del q
        remainder = _energy(r) + damping * _energy(x)
        gains = float(alpha) * gamma > least_gain * remainder
        s = operator.adjoint(r)
        s -= np.float32(damping) * x
        before, gamma = gamma, _energy(s)
        ahead.renew(float(alpha), before, gamma)
        p *= np.float32(gamma / before)
        p += s
        del s
        step += 1
    residual = float(np.sqrt(gamma / first))
    ended = residual <= tolerance or not gains
    return Solution(x, step, residual, ended, above_least=ahead.above_least())


def relative_change(renewed: Real, before: Real) -> float:
    """Norm of the change over that of the new value."""
    norm = float(np.linalg.norm(renewed))
    return float(np.linalg.norm(renewed - before)) / max(norm, 1e-30)


@dataclass(frozen=True, slots=True, eq=False)
class Gradients:
    """The split of the gradients: what is clipped, where, and its state.

    Parameters
    ----------
    voxel
        Sides of a voxel (z, y, x) [mm].
    limit
        Largest dual, where a gradient counts in full.
    weight
        How much each gradient counts, in 255ths [3, Z, Y, X]: bytes, as memory is slow.
    state
        Shrunken gradients and their scaled dual [3, Z, Y, X].
    """

    voxel: Real
    limit: float
    weight: ByteWeights
    state: Real

    @property
    def limit_of_a_part(self) -> np.float32:
        """Largest dual of a gradient that counts a 255th."""
        return np.float32(self.limit / WHOLE)

    def renew(self, chi: Real, divergence: Real, alpha: float = 1.0) -> None:
        """Shrink the gradients of ``chi``; ``divergence`` [Z, Y, X] may be the same memory.

        One pass over six volumes. Each thread first looks at the planes beside its own, which
        others are about to change.
        """
        per_mm = 1 / self.voxel
        limit, relaxation = self.limit_of_a_part, np.float32(alpha)
        beside: dict[int, tuple[Real, Real]] = {}

        def look(z: range) -> None:
            below, flow = z.start - 1, np.empty_like(chi[0])
            there, here, state = chi[z.start], chi[below], self.state[0, below].copy()
            weight = self.weight[0, below].ravel()
            rows = [plane.ravel() for plane in (there, here, state)]
            shrink_row(*rows, weight, limit, per_mm[0], relaxation, flow.ravel())
            beside[z.start] = flow, chi[z.stop % len(chi)].copy()

        def shrink(z: range) -> None:
            shrink_gradients(
                chi, self.state, self.weight, limit, per_mm, relaxation, *beside[z.start],
                divergence, z.start, z.stop,
            )  # fmt: skip

        at_once(look, len(chi))
        at_once(shrink, len(chi))


def gradients(voxel_mm: tuple[float, ...], limit: float, weight: ByteWeights) -> Gradients:
    """A split of gradients with its state at zero."""
    voxel = np.array(voxel_mm, np.float32)
    return Gradients(voxel, limit, weight, np.zeros(weight.shape, np.float32))


def laplacian_kernel(geometry: Geometry, shape: Shape) -> Real:
    """Spectrum of ∇ᵀ∇ for forward differences, half last axis [1/mm²]."""
    total = np.zeros((1, 1, 1))
    for axis, (n, voxel) in enumerate(zip(shape, geometry.voxel_mm, strict=True)):
        wave = (2 - 2 * np.cos(2 * np.pi * frequencies(n, half=axis == 2))) / voxel**2
        total = total + wave.reshape([-1 if a == axis else 1 for a in range(3)])
    return total.astype(np.float32)


def squares(model: Real, state: Real, field: Real, weight: Real, step: Step) -> None:
    """Least squares: ``model`` becomes z - u, where z is nearest to the field and to the state."""
    flat, numbers = (
        [a.reshape(-1) for a in (model, state, field, weight)],
        np.array(step, np.float32),
    )
    at_once(lambda v: split_data(*flat, *numbers, v.start, v.stop), model.size)


def absolutes(model: Real, state: Real, field: Real, weight: Real, step: Step) -> None:
    """As `squares`, for weight ``|z - field|``."""
    flat, numbers = (
        [a.reshape(-1) for a in (model, state, field, weight)],
        np.array(step, np.float32),
    )
    at_once(lambda v: split_data_absolute(*flat, *numbers, v.start, v.stop), model.size)


def phases(model: Real, dual: Real, phase: Real, weight: Real, rho: float) -> None:
    """Weight ``|exp(iz) - exp(i phase)|² / 2`` [rad], not relaxed: ``dual`` is u alone."""
    flat = [a.reshape(-1) for a in (model, dual, phase, weight)]
    at_once(lambda v: split_phase(*flat, rho, v.start, v.stop), model.size)


def harmonics(curvature: Real, dual: Real, weight: Real, rho: float) -> None:
    """As `phases`, for weight z² / 2."""
    flat = [a.reshape(-1) for a in (curvature, dual, weight)]
    at_once(lambda v: split_harmonic(*flat, rho, v.start, v.stop), curvature.size)


def mix(data: Spectrum, flow: Spectrum, kernels: tuple[Real, Real], data_part: float) -> None:
    """``data`` becomes the spectrum of χ's field, ``flow`` that of χ.

    ``kernels`` are the dipole, and the part of the flow in χ; that of the data is both times
    ``data_part``.
    """
    flat, part = [a.reshape(-1) for a in (data, flow, *kernels)], np.float32(data_part)
    at_once(lambda k: mix_spectra(*flat, part, k.start, k.stop), data.size)


def _energy(values: Real) -> float:
    return float(np.vdot(values, values))
