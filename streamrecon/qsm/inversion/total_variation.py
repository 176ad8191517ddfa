r"""Susceptibility with sparse gradients: the standard inversion.

.. math:: \min_\chi \tfrac12 \|W (D \chi - f)\|^2 + \lambda \|G \nabla\chi\|_1

by relaxed ADMM. ``G`` is 1 inside the mask and falls to a fifth across edges. What it is outside
the mask, and whose edges count, depends on the field. One that removal of a background left has
lost and kept what sources outside explain: gradients are free there (``outside=0``), so that it
finds its place, and the magnitude's edges count, which say more than such a map. A clean field has
no such rest, and free gradients only lose what it holds: there they cost as much as inside
(``outside=1``), and edges count that a first map has, see `streamrecon.qsm.inversion.edges`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.fourier import RealPlan
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm.dipole import PADDING, dipole_kernel, padded_shape
from streamrecon.qsm.inversion.admm import (
    RELAXATION,
    Split,
    absolutes,
    gradients,
    laplacian_kernel,
    mix,
    squares,
)
from streamrecon.qsm.inversion.edges import gradient_weights
from streamrecon.qsm.inversion.multiresolution import Task, carry
from streamrecon.qsm.solvers import Solution, checked_field, relative_change

Real = NDArray[np.float32]

_RHO_PER_STRENGTH = {False: 100.0, True: 1000.0}  # whether gradients cost outside the mask, too
_DATA_RHO = 0.25
_CHECK_EVERY = 5
_COARSE_STEPS = (40, 40)  # on half of the grid and on a quarter
_CALM_STEPS_TO_EDGES = 10
_CALM_STEPS = 20  # plain ones, while what was carried settles: relaxed, they swing about the map
_STEPS_TO_EDGES = (10, 10)  # before the edges of the map are looked for, and once more
_FIRST_STAGE = 20
_USUAL_ERROR_PPM = 2e-3  # absolute errors weigh like squares at an error of this size


def invert_tv(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    strength: float,
    weight: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    outside: float = 0.0,
    iterations: tuple[int, int] = (20, 60),
    tolerance: float = 3e-3,
    padding: float = PADDING,
) -> Solution:
    """Susceptibility of least total variation, [Z, Y, X, ppm].

    Four real FFTs of the padded grid a step, some 13 copies of it; forty steps on each of two
    coarser grids before, which cost as much as six. Flattens what is weaker than
    the noise; thin veins lose contrast with growing strength. Sources outside the mask may grow
    without bound: only what is inside is returned.

    Parameters
    ----------
    field_ppm
        Local field [Z, Y, X, ppm], positive where B exceeds B0; a background that is left is
        accounted for, as long as it is not many times the local field.
    mask
        Where it is trusted; 0 outside on return.
    geometry
        Their grid, which also says where B0 points.
    strength
        λ [ppm·mm], see `strength_from_noise`.
    weight
        Trust per voxel of the field, 1 for the typical one, see `phase.field_fit.trust_from_noise`.
    magnitude
        Image whose edges cost less: its strongest, one in seven, where gradients outside are free;
        else where the map has them too. 0 all over: none is known.
    outside
        What gradients outside the mask cost, of what they cost inside: 1 for a clean local field,
        0 behind a removal of background.
    iterations
        Fewest and most steps, the first twenty for the edges.
    tolerance
        Change of χ in a step, relative to χ, at which to stop.
    padding
        Room around the grid, see `padded_shape`.

    Raises
    ------
    ReconError
        If the mask is empty, the field is not finite inside it, or the strength is not positive.

    References
    ----------
    Bilgic et al. (2014) Magn Reson Med 72:1444. doi:10.1002/mrm.25029
    Liu J et al. (2012) NeuroImage 59:2560. doi:10.1016/j.neuroimage.2011.08.082
    """
    shape = padded_shape(geometry, padding)
    known = None if outside else magnitude
    task = _task(field_ppm, mask, weight, known, (geometry, shape))
    problem = _begun(task, (strength, outside), _COARSE_STEPS)
    if known is not None:
        return problem.solve(squares, iterations, tolerance, calm=_CALM_STEPS)
    return problem.solve_with_edges(magnitude, iterations, tolerance)


def begin_coarsely(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    strength: float,
    weight: NDArray[np.floating] | None = None,
    outside: float = 0.0,
    padding: float = PADDING,
) -> Real | None:
    """χ of half the grid, without edges, carried to the padded grid [Z, Y, X, ppm].

    Sources outside the mask are in it. None where half of the grid is none. Costs as much as seven
    steps of `invert_tv`; parameters and errors are its.
    """
    shape = padded_shape(geometry, padding)
    half = _task(field_ppm, mask, weight, None, (geometry, shape)).halved()
    if half is None:
        return None
    coarse = _begun(half, (strength, outside), _COARSE_STEPS[1:])
    whole = np.empty(shape, np.float32)
    carry(coarse.everywhere(_COARSE_STEPS[0]), whole)
    return whole


def invert_robust(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    strength: float,
    weight: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    outside: float = 0.0,
    iterations: tuple[int, int] = (20, 80),
    tolerance: float = 5e-3,
    padding: float = PADDING,
) -> Solution:
    """`invert_tv` after a first stage of absolute errors finds where the field is not believable.

    In the first stage, of 20 steps, single wild voxels cannot pull; what then misses the model by
    more than three times the usual error loses weight in the second (as hybrid data fidelity,
    HD-QSM, does). Half as dear again as `invert_tv`; better near bleeds and calcifications.

    Parameters and errors are those of `invert_tv`.

    References
    ----------
    Lambert et al. (2022) Magn Reson Med 88:962. doi:10.1002/mrm.29218
    """
    shape = padded_shape(geometry, padding)
    known = None if outside else magnitude
    task = _task(field_ppm, mask, weight, known, (geometry, shape))
    problem = _Problem(task, (strength, outside))
    problem.trust *= np.float32(_USUAL_ERROR_PPM)
    problem.solve(absolutes, (_FIRST_STAGE, _FIRST_STAGE), 0.0)
    problem.trust /= np.float32(_USUAL_ERROR_PPM)
    problem.doubt_misfits()
    if known is not None:
        return problem.solve(squares, iterations, tolerance)
    return problem.solve_with_edges(magnitude, iterations, tolerance)


def _task(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    weight: NDArray[np.floating] | None,
    magnitude: NDArray[np.floating] | None,
    grid: tuple[Geometry, Shape],
) -> Task:
    field = checked_field(field_ppm, mask, "inversion")
    trust = mask.astype(np.float32) if weight is None else np.where(mask, weight, 0) ** 2
    image = None if magnitude is None else np.nan_to_num(np.asarray(magnitude, np.float32))
    return Task(field, trust.astype(np.float32, copy=False), mask, image, *grid)


def _begun(
    task: Task,
    cost: tuple[float, float],
    coarse_steps: tuple[int, ...],
) -> _Problem:
    """A problem whose states are those of a solution on half the grid, where that is a grid."""
    half = task.halved() if coarse_steps else None
    if half is None:
        return _Problem(task, cost)
    coarse = _begun(half, cost, coarse_steps[1:])
    coarse.solve(squares, (coarse_steps[0], coarse_steps[0]), 0.0)
    problem = _Problem(task, cost)
    problem.carry_on(coarse)
    return problem


class _Problem:
    """Arrays of one inversion: they live through its stages. ``cost`` is λ and that outside."""

    def __init__(self, task: Task, cost: tuple[float, float]) -> None:
        strength, self.outside = cost
        if not strength > 0:
            raise ReconError(f"strength: found {strength:g} ppm·mm, needed a positive number")
        self.mask = task.mask
        self.crop = tuple(slice(n) for n in task.mask.shape)
        self.trust, self.data = np.zeros((2, *task.shape), np.float32)
        self.trust[self.crop] = task.trust
        self.data[self.crop] = task.field
        rho = np.float32(_RHO_PER_STRENGTH[self.outside > 0] * strength)
        self.kernels = _kernels_of_step(task.geometry, task.shape, rho)
        images = () if task.magnitude is None else (task.magnitude,)
        weights = gradient_weights(task.mask, task.shape, images, outside=self.outside)
        self.gradients = gradients(task.geometry.voxel_mm, strength / float(rho), weights)
        self.model, self.chi = (RealPlan(task.shape) for _ in range(2))
        self.model.real[...] = self.data
        self.state = self.data.copy()
        self.chi.real[...] = 0  # the divergence of the flow; after a step, χ until it is shrunk

    def carry_on(self, coarse: _Problem) -> None:
        """Take the states of a problem on half the grid."""
        carry(coarse.state, self.state)
        for axis in range(3):
            carry(coarse.gradients.state[axis], self.gradients.state[axis], edges=axis)
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
        found = self.solve(squares, (fewest, most), tolerance)
        return replace(found, iterations=spent + found.iterations)

    def _see_edges(self, images: Sequence[NDArray[np.floating]]) -> None:
        weights = gradient_weights(self.mask, self.state.shape, images, outside=self.outside)
        self.gradients.weight[...] = weights

    def solve(
        self, split: Split, iterations: tuple[int, int], tolerance: float, *, calm: int = 0
    ) -> Solution:
        """Steps, the first ``calm`` plain, until χ changes less than the tolerance."""
        chi = before = np.zeros(self.mask.shape, np.float32)
        step, change = 0, np.inf
        while step < iterations[1] and (step < iterations[0] or change > tolerance):
            self._invert()
            step += 1
            if step % _CHECK_EVERY == 0 or step == iterations[1]:
                before, chi = chi, self.chi.real[self.crop].copy()
                change = relative_change(chi, before, self.mask) / _CHECK_EVERY
            self._split(split, 1.0 if step <= calm else RELAXATION)
        return Solution(chi * self.mask, step, float(change), change <= tolerance)

    def everywhere(self, steps: int) -> Real:
        """χ after some steps, outside the mask too; the last word on this grid."""
        self.solve(squares, (steps, steps), 0.0)
        self._invert()
        return self.chi.real

    def _invert(self) -> None:
        """From what the splits want to χ and its field."""
        mix(self.model.forward(), self.chi.forward(), self.kernels)
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


def _kernels_of_step(geometry: Geometry, shape: Shape, rho: np.float32) -> tuple[Real, Real, Real]:
    dipole = dipole_kernel(geometry, shape)
    weighted = np.float32(_DATA_RHO) * dipole
    curvature = weighted * dipole + rho * laplacian_kernel(geometry, shape)
    curvature[0, 0, 0] = np.inf
    from_data, from_flow = np.divide(weighted, curvature), np.divide(rho, curvature)
    voxels = np.float32(np.prod(shape))  # the plans' transforms do not divide by it
    return (from_data / voxels).astype(np.float32), (from_flow / voxels).astype(np.float32), dipole
