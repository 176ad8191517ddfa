r"""How far an iteration may be from the least of its sum, by convexity or by its last steps.

Conjugate gradients: `Unfinished`. Of a sum with sparse gradients,
:math:`F(\chi) = f(D\chi) + g(\nabla\chi)`, both convex, and any duals :math:`q, p`

.. math:: F(\chi) - F(\chi^*) \le f(D\chi) + f^*(q) - \langle q, D\chi \rangle
          + g(\nabla\chi) + g^*(p) - \langle p, \nabla\chi \rangle
          + \langle e, \chi - \chi^* \rangle, \quad e = D^T q + \nabla^T p

Duals are those that a split would go on with: each keeps to its own limits, and e is what they are
not agreed on. The last term is taken to be no more than :math:`\|e\| \, \|\chi\|` where χ is
wanted and twice that outside, where it may be free and grow: a map that is farther from its end
than that, and in the direction of what is left, is told too good an end. How the figure compares
with long runs: docs/measurements/qsm.md.

References
----------
Rockafellar (1970) Convex Analysis, Princeton University Press: §31.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # whose iterations tell their ends by what is here
    from streamrecon.qsm.solvers import Gradients

Real = NDArray[np.float32]

NEAR_ENOUGH = 0.01
"""An iteration that ends no more than this part above the least of its sum is at its end."""

_FARTHER_OUTSIDE = 2.0
_ENDS = re.compile(
    r", (?:(?:within|at most) \S+ % (?:of|above)|may be far above) the least of its sum"
    r"|, how near its end is not known"
)


def end_in_words(above_least: float) -> str:
    """How near its end an iteration came, for a notice.

    >>> end_in_words(0.004), end_in_words(0.0872)
    ('within 1 % of the least of its sum', 'at most 8.7 % above the least of its sum')
    >>> end_in_words(13.0), end_in_words(math.nan)
    ('may be far above the least of its sum', 'how near its end is not known')
    """
    if math.isnan(above_least):
        return "how near its end is not known"
    if above_least > 1:
        return "may be far above the least of its sum"
    if above_least > NEAR_ENOUGH:
        return f"at most {100 * above_least:.2g} % above the least of its sum"
    return "within 1 % of the least of its sum"


def without_ends(text: str) -> str:
    """A text of notices without the words of `end_in_words`: what it says of the method alone.

    >>> without_ends("TV, 20 steps, at most 8.7 % above the least of its sum; zero: brain")
    'TV, 20 steps; zero: brain'
    """
    return _ENDS.sub("", text)


class Unfinished:
    """What conjugate gradients may leave of their sum to later steps.

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

    def above_least(self) -> float:
        """In parts of the least; infinite where nothing is known."""
        now = self.totals[-1]
        taken = self.totals[len(self.totals) // 2] - now if len(self.totals) > 2 else math.inf
        excess = min(self.bound, 2 * taken)
        return excess / (now - excess) if excess < now else math.inf


class Cost(NamedTuple):
    """A part of the sum, and by how much its duals miss it."""

    cost: float
    missed: float


def cost_of_misfit(model: Real, state: Real, field: Real, trust: Real, rho: float) -> Cost:
    """Half the weighted misfit squared, and what the dual that a split would go on with lacks.

    Parameters
    ----------
    model
        Field of the map [Z, Y, X, ppm]; becomes the dual.
    state
        That of the split of the data, as it stood before this map was made.
    field, trust
        What is fitted [Z, Y, X, ppm], and the weight of its squared errors.
    rho
        Weight of the split.
    """
    cost = missed = 0.0
    for plane, old, there, weight in zip(model, state, field, trust, strict=True):
        part = np.float32(rho) / (weight + np.float32(rho))
        away, error = old - there, plane - there
        split = part * (away + error - part * away)
        cost += 0.5 * float(np.vdot(weight, error**2))
        missed += 0.5 * float(np.vdot(weight, (error - split) ** 2))
        plane[...] = weight * split
    return Cost(cost, missed)


def cost_of_gradients(chi: Real, sparse: Gradients, rho: float, flow: Real) -> Cost:
    """The weighted sum of absolute gradients, and what the duals of the next split lack of it.

    Plane by plane, as memory is scarce.

    Parameters
    ----------
    chi
        Map [Z, Y, X, ppm].
    sparse
        The split of its gradients, as it stood before this map was made.
    rho
        Its weight: the limit of a dual is that of ``sparse`` times this.
    flow
        The adjoint of the gradient on the duals is added to it [Z, Y, X].
    """
    cost = missed = 0.0
    most = sparse.limit_of_a_part
    for axis, side in enumerate(sparse.voxel):
        for z in range(len(chi)):
            there = chi[(z + 1) % len(chi)] if axis == 0 else np.roll(chi[z], -1, axis - 1)
            slope = (there - chi[z]) / side
            limit = most * sparse.weight[axis, z]
            dual = np.clip(np.clip(sparse.state[axis, z], -limit, limit) + slope, -limit, limit)
            whole = float(np.vdot(limit, np.abs(slope)))
            cost += whole
            missed += whole - float(np.vdot(dual, slope))
            dual *= np.float32(rho) / side
            flow[z] -= dual
            if axis == 0:
                flow[(z + 1) % len(chi)] += dual
            else:
                flow[z] += np.roll(dual, 1, axis - 1)
    return Cost(rho * cost, rho * missed)


def above_least(
    parts: tuple[Cost, Cost], remainder: Real, chi: Real, near: NDArray[np.bool_]
) -> float:
    """What the sum may be above its least, in parts of that; infinite where nothing is known.

    Parameters
    ----------
    parts
        What it is the sum of.
    remainder
        e, what the duals together pull at the map with [Z, Y, X].
    chi
        The map [Z, Y, X]; its mean is in no sum.
    near
        Where it is wanted, and around it [Z, Y, X].
    """
    total, missed = (sum(values) for values in zip(*parts, strict=True))
    energies = np.zeros((2, 2))  # of e and χ, by where they are
    mean = chi.mean(dtype=np.float64).astype(np.float32)
    for e, values, inside in zip(remainder, chi, near, strict=True):
        for row, plane in enumerate((e**2, (values - mean) ** 2)):
            within = float(plane.sum(where=inside, dtype=np.float64))
            energies[row] += within, float(plane.sum(dtype=np.float64)) - within
    inner, outer = np.sqrt(np.maximum(energies, 0).prod(axis=0))
    excess = missed + float(inner) + _FARTHER_OUTSIDE * float(outer)
    return excess / (total - excess) if excess < total else math.inf
