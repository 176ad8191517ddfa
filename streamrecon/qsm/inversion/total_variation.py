r"""Susceptibility with sparse gradients: the standard inversion.

.. math:: \min_\chi \tfrac12 \|W (D \chi - f)\|^2 + \lambda \|G \nabla\chi\|_1

by relaxed ADMM. ``G`` is 1 inside the mask and falls to a fifth across edges. What it is outside
the mask, and whose edges count, depends on the field. One that removal of a background left has
lost and kept what sources outside explain: gradients are free there (``outside=0``), but for a
layer around the mask, so that it finds its place. The magnitude's edges count, as far as a coarse
map without them has them, too. A clean field has no such rest, and free gradients only lose what it
holds: there they cost as much as inside (``outside=1``), and edges count that a first map has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.memory import give_back_freed
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm.dipole import PADDING, carry, halved, padded_shape, with_surroundings
from streamrecon.qsm.inversion.gradient_cost import belief_in_edges
from streamrecon.qsm.inversion.tv_problem import Problem
from streamrecon.qsm.solvers import Solution, absolutes, checked_field, squares

Real = NDArray[np.float32]

RIM_MM = 2.5
"""Around the mask gradients cost what they do inside; see docs/explanation/qsm-choices.md [mm]."""
ASKED_TWICE = 2.25
"""Of λ, where gradients cost outside too: at 2 noise costs p3x 2 points, at 2.5 tex keeps .970."""
_SMALLEST = 4  # voxels that a halved axis must keep, padded
_COARSE_STEPS = (40, 40)  # on half of the grid and on a quarter
_FIRST_STAGE = 20
_USUAL_ERROR_PPM = 2e-3  # absolute errors weigh like squares at an error of this size


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
        """The same on doubled voxels, field by its trust, mask by halves; None if too small."""
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
    outside: float = 0.0,
    rim_mm: float = 0.0,
) -> Task:
    """What an inversion is given, on its finest grid, as `invert_tv` names it.

    Where gradients cost outside, the magnitude is none of it and no layer is.

    Raises
    ------
    ReconError
        If the mask is empty or the field is not finite inside it.
    """
    field = checked_field(field_ppm, mask, "inversion")
    trust = mask.astype(np.float32) if weight is None else np.where(mask, weight, 0) ** 2
    image = None if magnitude is None or outside else np.asarray(magnitude, np.float32)
    if image is not None and not np.isfinite(image).all():
        image = np.nan_to_num(image)
    near = with_surroundings(mask, *grid, 0.0 if outside else rim_mm)
    return Task(field, trust.astype(np.float32, copy=False), mask, image, *grid, near)


def invert_tv(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    strength: float,
    weight: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    outside: float = 0.0,
    rim_mm: float = RIM_MM,
    iterations: tuple[int, int] = (20, 60),
    tolerance: float = 3e-3,
    padding: float = PADDING,
) -> Solution:
    """Susceptibility of least total variation, [Z, Y, X, ppm].

    Four real FFTs of the padded grid a step, some 11 copies of it; forty steps on each of two
    coarser grids before, which cost as much as six, and as much again where a magnitude's edges
    are tried. Flattens what is weaker than the noise; thin veins lose contrast with growing
    strength. Sources outside the mask may grow without bound: only what is inside is returned.
    With ``outside`` what a first map leaves, less slow misfit, is asked again, both at 2.25 λ.

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
    rim_mm
        Where they are free outside, it is from this distance on.
    iterations
        Fewest and most steps, the first twenty for the edges; the rest once more for a second map.
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
    Osher et al. (2005) Multiscale Model Simul 4:460. doi:10.1137/040605412
    Bilgic et al. (2014) Magn Reson Med 72:1444. doi:10.1002/mrm.25029
    Liu J et al. (2012) NeuroImage 59:2560. doi:10.1016/j.neuroimage.2011.08.082
    """
    cost = strength * (ASKED_TWICE if outside else 1.0), outside
    problem = _prepared(
        task_on(
            field_ppm, mask, (geometry, padded_shape(geometry, padding)), weight=weight,
            magnitude=magnitude, outside=outside, rim_mm=rim_mm,
        ),
        cost,
    )  # fmt: skip
    return _ended(problem, magnitude, iterations, tolerance)


def begin_coarsely(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    strength: float,
    weight: NDArray[np.floating] | None = None,
    magnitude: NDArray[np.floating] | None = None,
    outside: float = 0.0,
    rim_mm: float = RIM_MM,
    padding: float = PADDING,
) -> Real | None:
    """χ of half the grid carried to the padded grid [Z, Y, X, ppm].

    Sources outside the mask are in it. None where half of the grid is none. Costs as much as seven
    steps of `invert_tv`, twice that with a magnitude; parameters and errors are its.
    """
    shape, cost = padded_shape(geometry, padding), (strength, outside)
    task = task_on(
        field_ppm, mask, (geometry, shape), weight=weight, magnitude=magnitude, outside=outside,
        rim_mm=rim_mm,
    )  # fmt: skip
    half = _believing(task, cost).halved()
    if half is None:
        return None
    coarse = _begun(half, cost, _COARSE_STEPS[1:])
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
    rim_mm: float = RIM_MM,
    iterations: tuple[int, int] = (20, 80),
    tolerance: float = 5e-3,
    padding: float = PADDING,
) -> Solution:
    """`invert_tv` after a first stage of absolute errors finds where the field is not believable.

    In the first stage, of 20 steps, single wild voxels cannot pull; what then misses the model by
    more than three times the usual error loses weight in the second (as hybrid data fidelity,
    HD-QSM, does). Costs 1.5 times what `invert_tv` does; better near bleeds and calcifications.

    Parameters and errors are those of `invert_tv`.

    References
    ----------
    Lambert et al. (2022) Magn Reson Med 88:962. doi:10.1002/mrm.29218
    """
    cost = strength * (ASKED_TWICE if outside else 1.0), outside
    task = _believing(
        task_on(
            field_ppm, mask, (geometry, padded_shape(geometry, padding)), weight=weight,
            magnitude=magnitude, outside=outside, rim_mm=rim_mm,
        ),
        cost,
    )  # fmt: skip
    problem = Problem(task, cost)
    problem.trust *= np.float32(_USUAL_ERROR_PPM)
    problem.solve(absolutes, (_FIRST_STAGE, _FIRST_STAGE), 0.0)
    problem.trust /= np.float32(_USUAL_ERROR_PPM)
    problem.doubt_misfits()
    return _ended(problem, magnitude, iterations, tolerance)


def _believing(task: Task, cost: tuple[float, float]) -> Task:
    """The same, edges of its magnitude believed as far as a coarse map made without has them."""
    half = task.halved()
    if half is None or half.magnitude is None:
        return task
    blind = _begun(replace(half, magnitude=None), cost, _COARSE_STEPS[1:])
    chi = blind.solve(squares, (_COARSE_STEPS[0], _COARSE_STEPS[0]), 0.0).unknown
    belief = belief_in_edges(chi, half.magnitude, half.mask, half.geometry)
    return replace(task, belief=belief)


def _prepared(task: Task, cost: tuple[float, float]) -> Problem:
    """A problem that coarse grids have begun, with no more memory than it needs."""
    task = _believing(task, cost)
    give_back_freed()  # the largest arrays of a map come now
    problem = _begun(task, cost, _COARSE_STEPS)
    del task
    give_back_freed()
    return problem


def _ended(
    problem: Problem,
    magnitude: NDArray[np.floating] | None,
    iterations: tuple[int, int],
    tolerance: float,
) -> Solution:
    """The last steps, with the edges that count: those of the magnitude, or of the map too."""
    if magnitude is None or problem.outside:
        return problem.solve_with_edges(magnitude, iterations, tolerance)
    found = problem.solve(squares, iterations, tolerance, last=True)
    return replace(found, comment=f"edges of the magnitude weighted to {problem.belief:.0%}")


def _begun(task: Task, cost: tuple[float, float], coarse_steps: tuple[int, ...]) -> Problem:
    """A problem whose states are those of a solution on half the grid, where that is a grid."""
    half = task.halved() if coarse_steps else None
    if half is None:
        return Problem(task, cost)
    coarse = _begun(half, cost, coarse_steps[1:])
    coarse.solve(squares, (coarse_steps[0], coarse_steps[0]), 0.0)
    states = coarse.state, coarse.gradients.state
    del coarse, half  # the larger grid needs the room
    problem = Problem(task, cost)
    problem.carry_on(*states)
    return problem
