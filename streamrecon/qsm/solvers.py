"""What removals of the background and inversions have in common: fields, operators, iterations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.fourier import RealPlan

Real = NDArray[np.float32]


class Operator(NamedTuple):
    """A linear map and its adjoint."""

    forward: Callable[[Real], Real]
    adjoint: Callable[[Real], Real]


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What an iteration gives: the unknown, the steps it took, how far it got.

    ``residual`` is relative to the start; ``converged`` is false where the steps ran out first;
    ``comment`` is what a reader of the result should know besides.
    """

    unknown: Real
    iterations: int
    residual: float
    converged: bool
    comment: str = ""


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


def convolution(kernel: Real, shape: tuple[int, ...]) -> Callable[[Real], Real]:
    """Periodic convolution with a real, symmetric kernel on the half spectrum; its own adjoint.

    What is given belongs to one thread at a time.
    """
    plan = RealPlan(shape)
    scaled = (kernel / np.float32(np.prod(shape))).astype(np.float32)

    def convolve(values: Real) -> Real:
        plan.real[...] = values
        plan.forward()
        plan.spectrum *= scaled
        return plan.inverse().copy()

    return convolve


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

    Raises
    ------
    ReconError
        If the data are zero or not finite.

    References
    ----------
    Hestenes and Stiefel (1952) J Res Nat Bur Stand 49:409. doi:10.6028/jres.049.044
    """
    r = data.astype(np.float32, copy=True)
    s = operator.adjoint(r)
    gamma = first = _energy(s)
    if not np.isfinite(first) or first == 0:
        raise ReconError(f"least squares: found data of energy {first:g}, needed finite, above 0")
    x, p = np.zeros_like(s), s.copy()
    step, gains = 0, True
    while step < iterations and gains and gamma > tolerance**2 * first:
        q = operator.forward(p)
        alpha = np.float32(gamma / (_energy(q) + damping * _energy(p)))
        x += alpha * p
        r -= alpha * q
        remainder = _energy(r) + damping * _energy(x)
        gains = float(alpha) * gamma > least_gain * remainder
        s = operator.adjoint(r) - np.float32(damping) * x
        before, gamma = gamma, _energy(s)
        p = s + np.float32(gamma / before) * p
        step += 1
    residual = float(np.sqrt(gamma / first))
    return Solution(x, step, residual, residual <= tolerance or not gains)


def relative_change(renewed: Real, before: Real, mask: NDArray[np.bool_]) -> float:
    """Norm of the change over that of the new value, inside the mask."""
    norm = float(np.linalg.norm(renewed[mask]))
    return float(np.linalg.norm(renewed[mask] - before[mask])) / max(norm, 1e-30)


def _energy(values: Real) -> float:
    return float(np.vdot(values, values))
