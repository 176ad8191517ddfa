r"""What removals of the background and inversions iterate with, and how near their end they come.

Conjugate gradients bound what they leave, see `Unfinished`; what total variation may leave is told
by `streamrecon.qsm.inversion.tv_problem`.

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
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.qsm._kernels import (
    BLOCK,
    add_scaled,
    mix_spectra,
    split_data,
    split_data_absolute,
)

Real = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
Step = tuple[float, float]
Split = Callable[[Real, Real, Real, Real, Step], None]

NEAR_ENOUGH = 0.01
"""An iteration whose cost is no more than this part above its minimum is at its end."""

RELAXATION = 1.85
"""α of total variation's splits: 60 steps of it go farther than 100 of 1.

A ``Step`` is the weight of the state in a split, ρ, and α.
"""

_TINY = 1e-300
_ENDS = re.compile(
    r", cost (?:(?:within|at most) \S+ % (?:of|above)|possibly far above|not compared with)"
    r" its minimum"
)


class Operator(NamedTuple):
    """A linear map and its adjoint; what each returns is its caller's until its next call."""

    forward: Callable[[Real], Real]
    adjoint: Callable[[Real], Real]


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What an iteration gives: the unknown, the steps it took, how far it got.

    ``residual`` is relative to the start; ``converged`` is false where the steps ran out first;
    ``comment`` is what a reader of the result should know besides. ``above_minimum`` is by how much
    the cost may be above its minimum, as a fraction of that; NaN where nobody knows.
    """

    unknown: Real
    iterations: int
    residual: float
    converged: bool
    comment: str = ""
    above_minimum: float = math.nan


def checked_field(field_ppm: NDArray[np.floating], mask: NDArray[np.bool_], stage: str) -> Real:
    """The field [Z, Y, X, ppm] in single precision, 0 outside the mask: not to be written to.

    It is the array that was given, where that is so already.

    Raises
    ------
    ReconError
        If the mask is empty or the field is not finite inside it; it names the stage.
    """
    if not mask.any():
        raise ReconError(f"{stage}: the mask is empty")
    if not np.isfinite(field_ppm[mask]).all():
        raise ReconError(f"{stage}: the field is not finite inside the mask")
    known: Real = field_ppm.astype(np.float32, copy=False)
    return np.where(mask, known, 0) if np.any(known, where=~mask) else known


def end_in_words(above_minimum: float) -> str:
    """How near its end an iteration came, for a notice.

    >>> end_in_words(0.004), end_in_words(0.0872)
    ('cost within 1 % of its minimum', 'cost at most 8.7 % above its minimum')
    >>> end_in_words(13.0), end_in_words(math.nan)
    ('cost possibly far above its minimum', 'cost not compared with its minimum')
    """
    if math.isnan(above_minimum):
        return "cost not compared with its minimum"
    if above_minimum > 1:
        return "cost possibly far above its minimum"
    if above_minimum > NEAR_ENOUGH:
        return f"cost at most {100 * above_minimum:.2g} % above its minimum"
    return "cost within 1 % of its minimum"


def without_ends(text: str) -> str:
    """A text of notices without the words of `end_in_words`: what it says of the method alone.

    >>> without_ends("TV, 20 steps, cost at most 8.7 % above its minimum; zero: brain")
    'TV, 20 steps; zero: brain'
    """
    return _ENDS.sub("", text)


class Unfinished:
    """What conjugate gradients may leave of their cost to later steps.

    The smaller of a bound by quadrature, as no eigenvalue is below the damping, and of twice what
    the second half of the steps took, which is enough where what is left falls by a third or more
    when the steps double. The bound is three times too large near the end, and far more before.

    Parameters
    ----------
    damping
        Of the sum, 0 … .
    total
        The sum before the first step.
    gamma
        Energy of its gradient there.

    References
    ----------
    Meurant and Tichý (2013) Numer Algorithms 62:163. doi:10.1007/s11075-012-9591-9
    """

    def __init__(self, damping: float, total: float, gamma: float) -> None:
        self.damping, self.totals = damping, [total]
        self.factor = 1 / damping if damping else math.inf
        self.bound = self.factor * gamma

    def renew(self, alpha: float, before: float, gamma: float) -> None:
        """After a step of length ``alpha``, with the gradients' energies before and after it."""
        self.totals.append(self.totals[-1] - alpha * before)
        if math.isfinite(self.factor) and before > 0:
            rest = max(self.factor - alpha, 0.0)
            lower = self.damping * rest + gamma / before
            self.factor = rest / lower if lower > 0 else 0.0
            self.bound = self.factor * gamma

    def above_minimum(self) -> float:
        """In parts of the least; infinite where nothing is known."""
        now = self.totals[-1]
        taken = self.totals[len(self.totals) // 2] - now if len(self.totals) > 2 else math.inf
        excess = min(self.bound, 2 * taken)
        return excess / (now - excess) if excess < now else math.inf


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

    Stops where the gradient has fallen to ``tolerance`` of its first value: a part of all data, so
    that it comes early where most of them are easily explained. At 0 it takes all its steps, and
    has converged where the last one took no more than ``least_gain`` of the cost.
    One forward and one adjoint a step. Stopped early it smooths: later steps fit noise.

    `Unfinished` tells how far it may be above the minimum of its cost.

    Parameters
    ----------
    operator
        A and its adjoint, of arrays of any shape.
    data
        b.
    damping
        What a unit of x costs, in squares.
    iterations, tolerance, least_gain
        Most steps, and what ends or satisfies them, see above.

    Raises
    ------
    ReconError
        If the data are zero or not finite.

    References
    ----------
    Hestenes and Stiefel (1952) J Res Nat Bur Stand 49:409. doi:10.6028/jres.049.044
    """
    r = np.array(data, np.float32, order="C")
    del data  # which its caller may have given away: memory is scarce here
    p = np.array(operator.adjoint(r), np.float32, order="C")
    gamma = first = size = _energy(p)
    if not np.isfinite(first) or first == 0:
        raise ReconError(f"least squares: found data of energy {first:g}, needed finite, above 0")
    x = np.zeros_like(p)
    step, gain = 0, math.inf
    ahead = Unfinished(damping, _energy(r), gamma)
    while step < iterations and gamma > tolerance**2 * first:
        q = operator.forward(p)
        alpha = gamma / (_energy(q) + damping * size)
        remainder = combine(x, 1, p, alpha) * damping + combine(r, 1, q, -alpha)
        gain = alpha * gamma / max(remainder, _TINY)
        s = np.ascontiguousarray(operator.adjoint(r), np.float32)
        before, gamma = gamma, combine(s, 1, x, -damping)
        ahead.renew(alpha, before, gamma)
        size = combine(p, gamma / before, s, 1)
        step += 1
    residual = float(np.sqrt(gamma / first))
    ended = residual <= tolerance or gain <= least_gain
    return Solution(x, step, residual, ended, above_minimum=ahead.above_minimum())


def combine(values: Real, own: float, others: Real, part: float) -> float:
    """``values`` become ``own`` times themselves and ``part`` of others; their energy.

    Both contiguous and of one shape. Added up in blocks, so that it does not hang on the threads.
    """
    flat = values.reshape(-1), np.float32(own), others.reshape(-1), np.float32(part)
    sums = np.zeros(-(-values.size // BLOCK))
    at_once(lambda blocks: add_scaled(*flat, sums, blocks.start, blocks.stop), len(sums))
    return math.fsum(sums)


def relative_change(renewed: Real, before: Real) -> float:
    """Norm of the change over that of the new value."""
    norm = float(np.linalg.norm(renewed))
    return float(np.linalg.norm(renewed - before)) / max(norm, 1e-30)


def squares(model: Real, state: Real, field: Real, weight: Real, step: Step) -> None:
    """Least squares: ``model`` becomes z - u, where z is nearest to the field and to the state.

    Parameters
    ----------
    model, state
        Field of the map and state of its split on the padded grid [Z, Y, X]; both are renewed.
    field, weight
        What is fitted, and the weight of its squared errors, in the first corner of that.
    step
        ρ and α.
    """
    numbers = np.array(step, np.float32)
    at_once(
        lambda z: split_data(model, state, field, weight, *numbers, z.start, z.stop), len(model)
    )


def absolutes(model: Real, state: Real, field: Real, weight: Real, step: Step) -> None:
    """As `squares`, for weight ``|z - field|``."""
    numbers = np.array(step, np.float32)
    at_once(
        lambda z: split_data_absolute(model, state, field, weight, *numbers, z.start, z.stop),
        len(model),
    )


def mix(data: Spectrum, flow: Spectrum, kernels: tuple[Real, Real], data_part: float) -> None:
    """``data`` becomes the spectrum of χ's field, ``flow`` that of χ.

    ``kernels`` are the dipole, and the part of the flow in χ; that of the data is both times
    ``data_part``.
    """
    flat, part = [a.reshape(-1) for a in (data, flow, *kernels)], np.float32(data_part)
    at_once(lambda k: mix_spectra(*flat, part, k.start, k.stop), data.size)


def _energy(values: Real) -> float:
    return float(np.vdot(values, values))
