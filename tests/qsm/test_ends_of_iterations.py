"""How near its end an iteration is told to be, against sums and long runs that tests make."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres

from streamrecon.model.geometry import Geometry
from streamrecon.output.readings.reported_visit import how_made
from streamrecon.qsm.background.lbv import remove_lbv
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.background.sharp import remove_ismv, remove_resharp
from streamrecon.qsm.dipole import dipole_kernel
from streamrecon.qsm.inversion import closed_form
from streamrecon.qsm.inversion.total_variation import task_on
from streamrecon.qsm.inversion.tv_problem import Cost, Problem, above_minimum
from streamrecon.qsm.pipeline import Background, Quality, invert, local_field
from streamrecon.qsm.solvers import (
    NEAR_ENOUGH,
    Operator,
    end_in_words,
    least_squares,
    squares,
)
from streamrecon.qsm.total_field import TotalField, total_field

SHAPE = (14, 25, 22)
LAMBDA = 2e-4
LONG = 600  # steps
ROUNDING = 1e-4  # of a sum in single precision
TE_S, B0_T = (0.005, 0.012, 0.019), 3.0


def scene(orientation: str, sign: int = 1) -> tuple[Geometry, np.ndarray, np.ndarray]:
    """A grid, a mask in it, and the field of two balls with noise and a little background."""
    grid = Geometry(SHAPE, (3.0, 2.0, 2.2), ORIENTATIONS[orientation])
    mask = np.linalg.norm(positions_mm(grid), axis=0) < 19
    _, field = spheres(grid, ((4, -5, 3), 6, sign * 0.15), ((-6, 6, -2), 5, sign * -0.1))
    _, outer = spheres(grid, ((10, 26, -8), 5, sign * 0.4))
    noise = 2e-3 * np.random.default_rng(3).standard_normal(SHAPE)
    return grid, mask, (field + outer + noise).astype(np.float32)


def sum_of(problem: Problem, chi: np.ndarray, grid: Geometry) -> float:
    """Half the misfit squared and λ times the weighted slopes, in double precision."""
    full = chi.astype(np.float64)
    spectrum = np.fft.rfftn(full) * dipole_kernel(grid, full.shape)
    model = np.fft.irfftn(spectrum, full.shape, axes=(0, 1, 2))
    misfit = model[problem.crop] - problem.data
    slopes = [
        np.abs(np.roll(full, -1, axis) - full) * problem.gradients.weight[axis] / 255 / side
        for axis, side in enumerate(grid.voxel_mm)
    ]
    return float(0.5 * (problem.trust * misfit**2).sum() + LAMBDA * np.sum(slopes))


def ended(
    orientation: str, sign: int, outside: float, steps: int
) -> tuple[float, float, np.ndarray]:
    """The sum after some steps, what it is told to be above its least, and the map."""
    grid, mask, field = scene(orientation, sign)
    task = task_on(field, mask, (grid, (18, 30, 28)), rim_mm=4.0)
    problem = Problem(task, (LAMBDA, outside))
    found = problem.solve(squares, (steps, steps), 0.0, last=True)
    return sum_of(problem, problem.chi.real, grid), found.above_minimum, found.unknown


@pytest.mark.parametrize(("orientation", "sign"), [("axial", 1), ("doubly_oblique", -1)])
@pytest.mark.parametrize("outside", [0.0, 1.0])
def test_total_variation_is_within_what_it_tells(
    orientation: str, sign: int, outside: float
) -> None:
    least, told_at_end, _ = ended(orientation, sign, outside, LONG)

    told = []
    for steps in (20, 60, 150):
        reached, at_most, _ = ended(orientation, sign, outside, steps)
        assert reached / least - 1 < at_most + ROUNDING
        told.append(at_most)
    assert told[0] > told[1] > told[2]
    if outside:  # free gradients outside let sources there grow for thousands of steps
        assert told_at_end < min(told[-1], NEAR_ENOUGH)


def test_telling_moves_no_voxel() -> None:
    grid, mask, field = scene("axial")
    maps = []
    for last in (False, True):
        problem = Problem(task_on(field, mask, (grid, (18, 30, 28))), (LAMBDA, 1.0))
        maps.append(problem.solve(squares, (30, 30), 0.0, last=last).unknown)
    np.testing.assert_array_equal(maps[0], maps[1])


def test_two_steps_are_within_what_they_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    grid, mask, field = scene("tilted")
    sums: list[float] = []

    def watched(parts: tuple[Cost, Cost], *arrays: np.ndarray) -> float:
        sums.append(sum(part.cost for part in parts))
        return above_minimum(parts, *arrays)

    monkeypatch.setattr(closed_form, "above_minimum", watched)
    found = closed_form.invert_rts(field, mask, grid)
    long = closed_form.invert_rts(field, mask, grid, iterations=(LONG, LONG))

    assert sums[0] / sums[1] - 1 < found.above_minimum + ROUNDING
    assert long.above_minimum < found.above_minimum / 5  # ten times the steps


@pytest.mark.parametrize("damping", [0.0, 1e-3, 1e-1])
@pytest.mark.parametrize("steps", [6, 12, 25, 60])
def test_conjugate_gradients_are_within_what_they_tell(damping: float, steps: int) -> None:
    """Singular values fall as one over their number, which is harder than a removal's are."""
    rng = np.random.default_rng(steps)
    tall, _ = np.linalg.qr(rng.standard_normal((160, 80)))
    square, _ = np.linalg.qr(rng.standard_normal((80, 80)))
    matrix = tall / np.arange(1, 81) @ square
    data = (matrix @ rng.standard_normal(80) + 0.05 * rng.standard_normal(160)).astype(np.float32)
    single = matrix.astype(np.float32)
    operator = Operator(lambda x: single @ x, lambda r: single.T @ r)

    found = least_squares(operator, data, damping=damping, iterations=steps, tolerance=0.0)

    def size(x: np.ndarray) -> float:
        return float(np.sum((matrix @ x - data) ** 2) + damping * np.sum(x**2))

    best = np.linalg.solve(matrix.T @ matrix + damping * np.eye(80), matrix.T @ data)
    excess = size(found.unknown.astype(np.float64)) / size(best) - 1
    assert excess < found.above_minimum + ROUNDING
    if steps == 60 and damping == 0.1:
        assert found.above_minimum < NEAR_ENOUGH


def test_boundary_values_end_where_they_say() -> None:
    """The energy of the error in parts of the field's own, which is what its sum is above least."""
    grid, mask, field = scene("doubly_oblique")
    long = remove_lbv(field, mask, grid, tolerance=1e-7)

    def energy(values: np.ndarray) -> float:
        slopes = [np.diff(values.astype(np.float64), axis=a) / grid.voxel_mm[a] for a in range(3)]
        return sum(float((slope**2).sum()) for slope in slopes)

    for tolerance in (0.3, 3e-4):
        found = remove_lbv(field, mask, grid, tolerance=tolerance)
        excess = energy(found.field_ppm - long.field_ppm) / energy(long.field_ppm)
        assert excess < 2 * found.above_minimum + ROUNDING  # a V-cycle is about the inverse
    assert found.above_minimum < NEAR_ENOUGH


@pytest.mark.parametrize(
    ("remove", "told"), [(remove_resharp, "far above"), (remove_ismv, "not compared")]
)
def test_removals_that_are_not_at_their_end_say_so(
    remove: Callable[..., LocalField], told: str
) -> None:
    grid, mask, field = scene("axial")
    found = remove(field, mask, grid, iterations=4)
    assert told in end_in_words(found.above_minimum)


@pytest.mark.parametrize("above", [0.0, 0.004, 0.0101, 0.33, 1.0, 7.0, math.inf, math.nan])
def test_how_a_map_was_made_is_alike_however_near_its_end_it_came(above: float) -> None:
    """A change between visits is flagged where the making differs: this is the scan's, not that."""
    comments = f"background: PDF, 30 steps, {end_in_words(above)}", "zero: whole brain"

    assert how_made(comments, "1") == "background: PDF, # steps; zero: whole brain; version 1"


@pytest.fixture(scope="module")
def total() -> tuple[TotalField, Geometry]:
    grid, mask, field = scene("tilted")
    te_s = np.array(TE_S)[:, None, None, None]
    phase = 2 * np.pi * 42.577478518 * B0_T * field * te_s
    echoes = (mask * np.exp(-20 * te_s + 1j * phase)).astype(np.complex64)
    return total_field(echoes, TE_S, B0_T, grid, mask=mask), grid


@pytest.mark.parametrize("quality", Quality)
@pytest.mark.parametrize("background", [Background.PDF, Background.RESHARP, Background.LBV])
def test_every_map_tells_how_its_iterations_ended(
    total: tuple[TotalField, Geometry], quality: Quality, background: Background
) -> None:
    field, grid = total
    local = local_field(field, grid, background=background)

    notices = invert(field, local, grid, quality=quality).notices

    (removal,) = (notice for notice in notices if notice.startswith("background: "))
    inversion = next(notice for notice in notices if notice.startswith("inversion: "))
    assert end_in_words(local.above_minimum) in removal
    assert "its minimum" in removal
    ends = ("its minimum", "not to its end")
    assert any(words in inversion for words in ends), inversion
    assert not math.isnan(local.above_minimum)
