r"""One inversion of total variation under way: its arrays, weights and steps, and how far it got.

Of a sum with sparse gradients, :math:`F(\chi) = f(D\chi) + g(\nabla\chi)`, both convex, and any
duals :math:`q, p`

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
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.fft_plans import plans_in_turn
from streamrecon.machine.memory import give_back_freed
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm.dipole import carry, dipole_kernel, laplacian_kernel
from streamrecon.qsm.inversion.field_noise import without_misfit
from streamrecon.qsm.inversion.gradient_cost import (
    ByteWeights,
    Gradients,
    gradient_weights,
    gradients,
)
from streamrecon.qsm.solvers import RELAXATION, Solution, Split, mix, relative_change, squares

if TYPE_CHECKING:
    from streamrecon.qsm.inversion.total_variation import Task

Real = NDArray[np.float32]

_RHO_PER_STRENGTH = {False: 100.0, True: 1000.0}  # whether gradients cost outside the mask, too
_DATA_RHO = 0.25
_CHECK_EVERY = 5
_CALM_STEPS_TO_EDGES = 10  # plain ones, while what was carried settles: relaxed, they swing
_STEPS_TO_EDGES = (10, 10)  # before the edges of the map are looked for, and once more
_FARTHER_OUTSIDE = 2.0


class Problem:
    """Arrays of one inversion: they live through its stages. ``cost`` is λ and that outside."""

    def __init__(self, task: Task, cost: tuple[float, float]) -> None:
        strength, self.outside = cost
        if not strength > 0:
            raise ReconError(f"strength: found {strength:g} ppm·mm, needed a positive number")
        self.mask, self.near, self.belief = task.mask, task.near, task.belief
        self.geometry = task.geometry
        self.crop = tuple(slice(n) for n in task.mask.shape)
        self.trust, self.data = task.trust, task.field
        rho = np.float32(_RHO_PER_STRENGTH[self.outside > 0] * strength)
        self.rho = float(rho)
        self.kernels = _kernels_of_step(task.geometry, task.shape, rho)
        self.data_part = _DATA_RHO / float(rho)
        images = () if task.magnitude is None else (task.magnitude,)
        weights = self._weights(images)
        give_back_freed()  # what edges were found with; the largest arrays come now
        self.gradients = gradients(task.geometry.voxel_mm, strength / float(rho), weights)
        self.model, self.chi = plans_in_turn(task.shape)
        self.model.real[...] = 0
        self.model.real[self.crop] = self.data
        self.state = self.model.real.copy()
        self.chi.real[...] = 0  # the divergence of the flow; after a step, χ until it is shrunk

    def carry_on(self, state: Real, gradients_state: Real) -> None:
        """Take the states of a problem on half the grid, of its field and of its gradients."""
        carry(state, self.state)
        for axis in range(3):
            carry(gradients_state[axis], self.gradients.state[axis], edges=axis)
        self._split(squares, 0.0)

    def solve_with_edges(
        self,
        magnitude: NDArray[np.floating] | None,
        iterations: tuple[int, int],
        tolerance: float,
    ) -> Solution:
        """Some steps for a map to see edges in, twice; then until χ changes no more.

        Where gradients cost outside the mask, too, what that leaves of the data is asked again.
        """
        seen = () if magnitude is None or not np.any(magnitude) else (magnitude,)
        calm, spent = _CALM_STEPS_TO_EDGES, 0
        self._see_edges(seen)
        for steps in _STEPS_TO_EDGES:
            first = self.solve(squares, (steps, steps), 0.0, calm=calm)
            self._see_edges((*seen, first.unknown))
            calm, spent = 0, spent + steps
        fewest, most = (max(n - spent, 1) for n in iterations)
        comment = ""
        if self.outside:
            spent += self.solve(squares, (fewest, most), tolerance).iterations
            comment = f"no χ explains {1 - self.ask_again():.0%} of the misfit of a first map"
        found = self.solve(squares, (fewest, most), tolerance, last=True)
        return replace(found, iterations=spent + found.iterations, comment=comment)

    def ask_again(self) -> float:
        """Add to the data what the map leaves of them, but for slow parts that are no source's.

        Sparse gradients have taken contrast. Returns how much of the rest's energy is asked.
        """
        self._invert()
        missed = np.where(self.trust > 0, self.data - self.model.real[self.crop], np.float32(0))
        asked = without_misfit(missed, self.mask, self.geometry)
        self.data = self.data + asked
        self._split(squares, 0.0)
        return float(np.vdot(asked, asked) / max(float(np.vdot(missed, missed)), 1e-30))

    def _see_edges(self, images: Sequence[NDArray[np.floating]]) -> None:
        self.gradients.weight[...] = self._weights(images)

    def _weights(self, images: Sequence[NDArray[np.floating]]) -> ByteWeights:
        return gradient_weights(
            self.mask,
            self.near.shape,
            images,
            outside=self.outside,
            near=self.near,
            belief=self.belief,
        )

    def solve(
        self,
        split: Split,
        iterations: tuple[int, int],
        tolerance: float,
        *,
        calm: int = 0,
        last: bool = False,
    ) -> Solution:
        """Steps, the first ``calm`` plain, until χ changes less than the tolerance.

        The ``last`` ones of a problem, by least squares, tell how far above the least sum they end.
        """
        within = np.zeros(np.count_nonzero(self.mask), np.float32)  # χ of the mask's voxels
        step, change, goes_on = 0, np.inf, True
        while goes_on:
            self._invert()
            step += 1
            if step % _CHECK_EVERY == 0 or step == iterations[1]:
                before, within = within, self.chi.real[self.crop][self.mask]
                change = relative_change(within, before) / _CHECK_EVERY
            goes_on = step < iterations[1] and (step < iterations[0] or change > tolerance)
            if goes_on or not last:
                self._split(split, 1.0 if step <= calm else RELAXATION)
        above = self._above_minimum() if last else math.nan
        chi = np.zeros(self.mask.shape, np.float32)
        chi[self.mask] = within
        return Solution(chi, step, float(change), change <= tolerance, above_minimum=above)

    def _above_minimum(self) -> float:
        """What the cost may be above its minimum, once χ and its field are there; uses them up."""
        chi, model = self.chi.real, self.model
        data = cost_of_misfit(model.real, self.state, self.data, self.trust, _DATA_RHO)
        model.forward()
        model.spectrum *= self.kernels[0]
        model.spectrum /= np.float32(chi.size)
        remainder = model.inverse()
        sparse = cost_of_gradients(chi, self.gradients, self.rho, remainder)
        return above_minimum((data, sparse), remainder, chi, self.near)

    def everywhere(self, steps: int) -> Real:
        """χ after some steps, outside the mask too; the last word on this grid."""
        self.solve(squares, (steps, steps), 0.0)
        self._invert()
        return self.chi.real

    def _invert(self) -> None:
        """From what the splits want to χ and its field."""
        mix(self.model.forward(), self.chi.forward(), self.kernels, self.data_part)
        self.chi.inverse()  # whose spectrum lies where that of the model comes back to
        self.model.inverse()

    def _split(self, split: Split, relaxation: float) -> None:
        """From χ and its field to the states, and what flows by them."""
        split(self.model.real, self.state, self.data, self.trust, (_DATA_RHO, relaxation))
        self.gradients.renew(self.chi.real, self.chi.real, relaxation)

    def doubt_misfits(self) -> None:
        """Take weight from voxels that miss the model by more than three usual errors."""
        self._invert()
        missed = np.sqrt(self.trust) * np.abs(self.model.real[self.crop] - self.data)
        usual = 1.4826 * float(np.median(missed[self.trust > 0]))
        self.trust /= np.maximum(1, missed / np.float32(3 * usual)) ** 2
        self._split(squares, 0.0)


def _kernels_of_step(geometry: Geometry, shape: Shape, rho: np.float32) -> tuple[Real, Real]:
    dipole = dipole_kernel(geometry, shape)
    curvature = laplacian_kernel(geometry, shape)
    curvature *= rho
    curvature += np.float32(_DATA_RHO) * dipole * dipole
    curvature[0, 0, 0] = np.inf
    voxels = np.float32(np.prod(shape))  # the plans' transforms do not divide by it
    return dipole, np.divide(rho / voxels, curvature, out=curvature)


class Cost(NamedTuple):
    """A part of the cost, and by how much its duals miss it."""

    cost: float
    missed: float


def cost_of_misfit(model: Real, state: Real, field: Real, trust: Real, rho: float) -> Cost:
    """Half the weighted misfit squared, and what the dual that a split would go on with lacks.

    Parameters
    ----------
    model
        Field of the map on the padded grid [Z, Y, X, ppm]; becomes the dual.
    state
        That of the split of the data, as it stood before this map was made.
    field, trust
        What is fitted [Z, Y, X, ppm], and the weight of its squared errors, in the first corner.
    rho
        Weight of the split.
    """
    cost = missed = 0.0
    corner = tuple(slice(n) for n in field.shape[1:])
    for plane, old, there, weight in zip(model, state, field, trust, strict=False):
        part = np.float32(rho) / (weight + np.float32(rho))
        away, error = old[corner] - there, plane[corner] - there
        split = part * (away + error - part * away)
        cost += 0.5 * float(np.vdot(weight, error**2))
        missed += 0.5 * float(np.vdot(weight, (error - split) ** 2))
        plane[...] = 0
        plane[corner] = weight * split
    model[len(field) :] = 0
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


def above_minimum(
    parts: tuple[Cost, Cost], remainder: Real, chi: Real, near: NDArray[np.bool_]
) -> float:
    """What the cost may be above its minimum, as a fraction; infinite where nothing is known.

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
