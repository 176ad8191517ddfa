r"""How far an iteration may be from the least of its sum, by what convexity tells at its end.

Of :math:`F(\chi) = f(D\chi) + g(\nabla\chi)`, both convex, and any duals :math:`q, p`

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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.qsm.solvers import WHOLE, Gradients

Real = NDArray[np.float32]


_FARTHER_OUTSIDE = 2.0


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
    most = np.float32(sparse.limit / WHOLE)
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
