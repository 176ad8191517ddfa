"""One inversion of total variation under way: what it is given, its arrays, weights and steps.

It begins on coarser grids, where an iteration finds at an eighth of the price what varies slowly. A
grid is halved by averages over two voxels on every axis; its padded size has to be even. What an
iteration on the coarse grid ends with is carried to the fine one by linear interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.fft_plans import RealPlan
from streamrecon.machine.threads import at_once
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm._kernels import double
from streamrecon.qsm.dipole import dipole_kernel, with_surroundings
from streamrecon.qsm.inversion.gradient_cost import gradient_weights
from streamrecon.qsm.nearness import (
    above_least,
    cost_of_gradients,
    cost_of_misfit,
)
from streamrecon.qsm.solvers import (
    RELAXATION,
    ByteWeights,
    Solution,
    Split,
    checked_field,
    gradients,
    laplacian_kernel,
    mix,
    relative_change,
    squares,
)

Real = NDArray[np.float32]

_SMALLEST = 4  # voxels that a halved axis must keep, padded
_NO_EDGES = 3
_RHO_PER_STRENGTH = {False: 100.0, True: 1000.0}  # whether gradients cost outside the mask, too
_DATA_RHO = 0.25
_CHECK_EVERY = 5
_CALM_STEPS_TO_EDGES = 10  # plain ones, while what was carried settles: relaxed, they swing
_STEPS_TO_EDGES = (10, 10)  # before the edges of the map are looked for, and once more


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What an inversion is given, on one grid.

    Parameters
    ----------
    field
        Local field [Z, Y, X, ppm], 0 outside the mask.
    trust
        Weight of its squared errors [Z, Y, X], 0 outside the mask.
    mask
        Where χ is wanted [Z, Y, X].
    magnitude
        Image whose edges may be edges of χ [Z, Y, X]; None: edges anywhere are alike.
    geometry
        Grid of all of them.
    shape
        Padded grid to work on.
    near
        Voxels of the padded grid between which gradients cost as in the mask [Z, Y, X].
    belief
        How far the magnitude's edges are taken for edges of χ, 0 … 1.
    """

    field: Real
    trust: Real
    mask: NDArray[np.bool_]
    magnitude: Real | None
    geometry: Geometry
    shape: Shape
    near: NDArray[np.bool_]
    belief: float = 1.0

    def halved(self) -> Task | None:
        """The same on voxels twice as large; None where the grid is too small for that.

        The field is averaged by its trust; a voxel belongs to the mask where half of it does.
        """
        if any(n % 2 or n // 2 < _SMALLEST for n in self.shape):
            return None
        trust = halved(self.trust)
        mask = halved(self.mask.astype(np.float32)) >= np.float32(0.5)
        if not mask.any():
            return None
        field = np.divide(halved(self.field * self.trust), np.maximum(trust, np.float32(1e-20)))
        z, y, x = (2 * side for side in self.geometry.voxel_mm)
        return Task(
            np.where(mask, field, 0).astype(np.float32),
            trust * mask,
            mask,
            None if self.magnitude is None else halved(self.magnitude),
            Geometry(mask.shape, (z, y, x), self.geometry.axes_lps),
            (self.shape[0] // 2, self.shape[1] // 2, self.shape[2] // 2),
            halved(self.near.astype(np.float32)) >= np.float32(0.5),
            self.belief,
        )


def task_on(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    grid: tuple[Geometry, Shape],
    *,
    weight: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    rim_mm: float = 0.0,
) -> Task:
    """What an inversion is given, on its finest grid, as `streamrecon.qsm.inversion` names it.

    Raises
    ------
    ReconError
        If the mask is empty or the field is not finite inside it.
    """
    field = checked_field(field_ppm, mask, "inversion")
    trust = mask.astype(np.float32) if weight is None else np.where(mask, weight, 0) ** 2
    image = None if magnitude is None else np.nan_to_num(np.asarray(magnitude, np.float32))
    near = with_surroundings(mask, *grid, rim_mm)
    return Task(field, trust.astype(np.float32, copy=False), mask, image, *grid, near)


class Problem:
    """Arrays of one inversion: they live through its stages. ``cost`` is λ and that outside."""

    def __init__(self, task: Task, cost: tuple[float, float]) -> None:
        strength, self.outside = cost
        if not strength > 0:
            raise ReconError(f"strength: found {strength:g} ppm·mm, needed a positive number")
        self.mask, self.near, self.belief = task.mask, task.near, task.belief
        self.crop = tuple(slice(n) for n in task.mask.shape)
        self.trust, self.data = np.zeros((2, *task.shape), np.float32)
        self.trust[self.crop] = task.trust
        self.data[self.crop] = task.field
        rho = np.float32(_RHO_PER_STRENGTH[self.outside > 0] * strength)
        self.rho = float(rho)
        self.kernels = _kernels_of_step(task.geometry, task.shape, rho)
        self.data_part = _DATA_RHO / float(rho)
        images = () if task.magnitude is None else (task.magnitude,)
        weights = self._weights(images)
        self.gradients = gradients(task.geometry.voxel_mm, strength / float(rho), weights)
        self.model, self.chi = (RealPlan(task.shape) for _ in range(2))
        self.model.real[...] = self.data
        self.state = self.data.copy()
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
        """Some steps for a map to see edges in, twice; then until χ changes no more."""
        seen = () if magnitude is None or not np.any(magnitude) else (magnitude,)
        calm, spent = _CALM_STEPS_TO_EDGES, 0
        self._see_edges(seen)
        for steps in _STEPS_TO_EDGES:
            first = self.solve(squares, (steps, steps), 0.0, calm=calm)
            self._see_edges((*seen, first.unknown))
            calm, spent = 0, spent + steps
        fewest, most = (max(n - spent, 1) for n in iterations)
        found = self.solve(squares, (fewest, most), tolerance, last=True)
        return replace(found, iterations=spent + found.iterations)

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
        above = self._above_least() if last else math.nan
        chi = np.zeros(self.mask.shape, np.float32)
        chi[self.mask] = within
        return Solution(chi, step, float(change), change <= tolerance, above_least=above)

    def _above_least(self) -> float:
        """What the sum may be above its least, once χ and its field are there; uses them up."""
        chi, model = self.chi.real, self.model
        data = cost_of_misfit(model.real, self.state, self.data, self.trust, _DATA_RHO)
        model.forward()
        model.spectrum *= self.kernels[0]
        model.spectrum /= np.float32(chi.size)
        remainder = model.inverse()
        sparse = cost_of_gradients(chi, self.gradients, self.rho, remainder)
        return above_least((data, sparse), remainder, chi, self.near)

    def everywhere(self, steps: int) -> Real:
        """χ after some steps, outside the mask too; the last word on this grid."""
        self.solve(squares, (steps, steps), 0.0)
        self._invert()
        return self.chi.real

    def _invert(self) -> None:
        """From what the splits want to χ and its field."""
        mix(self.model.forward(), self.chi.forward(), self.kernels, self.data_part)
        self.model.inverse()
        self.chi.inverse()

    def _split(self, split: Split, relaxation: float) -> None:
        """From χ and its field to the states, and what flows by them."""
        split(self.model.real, self.state, self.data, self.trust, (_DATA_RHO, relaxation))
        self.gradients.renew(self.chi.real, self.chi.real, relaxation)

    def doubt_misfits(self) -> None:
        """Take weight from voxels that miss the model by more than three usual errors."""
        self._invert()
        missed = np.sqrt(self.trust) * np.abs(self.model.real - self.data)
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


def halved(values: Real) -> Real:
    """Averages over two voxels on each axis; a last one without a partner counts twice.

    >>> halved(np.arange(6, dtype=np.float32).reshape(1, 2, 3))
    array([[[2. , 3.5]]], dtype=float32)
    """
    for axis in range(values.ndim):
        ahead = (slice(None),) * axis
        first, second = values[(*ahead, slice(0, None, 2))], values[(*ahead, slice(1, None, 2))]
        mean = first.copy()
        mean[(*ahead, slice(0, second.shape[axis]))] += second
        mean[(*ahead, slice(0, second.shape[axis]))] *= np.float32(0.5)
        values = mean
    return values


def carry(coarse: Real, fine: Real, *, edges: int = _NO_EDGES) -> None:
    """Fill ``fine`` [2Z, 2Y, 2X] with ``coarse`` [Z, Y, X], linear and periodic.

    ``edges`` is the axis along which values sit between a voxel and the next, as gradients do.
    """
    at_once(lambda z: double(coarse, edges, fine, z.start, z.stop), len(fine))
