"""How near the least of its own sum each iteration ends, against a long run of the same.

    python benchmarks/bench_convergence.py PHANTOMS

PHANTOMS holds p3x, const and tex, whose voxels are doubled; a whole head comes from the simulator.
A long run takes ten times the steps of the product, at least 300 and of the slow ones 1500. Where
a method has no sum to make small, how far its result is from that of the long run is told alone.
The sums are of the methods' own problems, so that this looks into their modules.
"""
# ruff: noqa: SLF001

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from _geometries import Known, coarse, whole_head_of_2_mm
from bench_qsm import head, load, row

from streamrecon.fourier import irfftn, rfftn
from streamrecon.machine.threads import set_budget
from streamrecon.qsm.background import pdf, sharp
from streamrecon.qsm.background.lbv import remove_lbv
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.background.sharp import remove_ismv
from streamrecon.qsm.dipole import dipole_kernel
from streamrecon.qsm.inversion.gradient_cost import find_strength
from streamrecon.qsm.inversion.tv_problem import Problem
from streamrecon.qsm.pipeline import Background, Quality, invert, local_field
from streamrecon.qsm.solvers import WHOLE, Operator, Solution, least_squares, squares
from streamrecon.qsm.total_field import TotalField, total_field

_COARSE_MM = 1.6  # sides below are doubled
_LONGER, _LONG, _LONGEST = 10, 300, 1500
Ends = tuple[int, float, float]  # steps, sum over its least, distance to the long run [%]


def distance(ended: np.ndarray, long: np.ndarray) -> float:
    """Norm of the difference in parts of the long run's [%]."""
    return 100 * float(np.linalg.norm(ended - long) / np.linalg.norm(long))


def squared(known: Known, total: TotalField, background: Background) -> Ends:
    """A removal by least squares."""
    ends: list[Ends] = []

    def both(operator: Operator, data: np.ndarray, **how: Any) -> Solution:
        damping = float(how.get("damping", 0.0))

        def size(x: np.ndarray) -> float:
            missed = (operator.forward(x) - data).astype(np.float64)
            return float((missed**2).sum() + damping * (x.astype(np.float64) ** 2).sum())

        found = least_squares(operator, data, **how)
        many = max(_LONGER * found.iterations, _LONG)
        long = least_squares(operator, data, damping=damping, iterations=many, tolerance=1e-7)
        fields = [each.unknown for each in (found, long)]
        if background is Background.PDF:  # its unknown are sources, the others' the local field
            fields = [data - operator.forward(sources) for sources in fields]
        moved = distance(*fields)
        ends.append((found.iterations, size(found.unknown) / size(long.unknown), moved))
        return found

    with patch.object(pdf, "least_squares", both), patch.object(sharp, "least_squares", both):
        local_field(total, known.grid, background=background)
    return ends[-1]


def repeated(known: Known, total: TotalField, remove: Callable[..., LocalField]) -> Ends:
    """A removal that has no sum."""
    field, mask = total.fit.field_ppm, total.mask
    found = remove(field, mask, known.grid)
    long = remove(field, mask, known.grid, tolerance=1e-6, iterations=_LONGEST)
    return found.iterations, np.nan, distance(found.field_ppm, long.field_ppm)


def sparse(known: Known, total: TotalField, local: LocalField, quality: Quality) -> Ends:
    """An inversion by total variation, whose last problem goes on."""
    problems: list[Problem] = []
    solve = Problem.solve

    def watched(problem: Problem, *args: Any, **how: Any) -> Solution:
        problems.append(problem)
        return solve(problem, *args, **how)

    with patch.object(Problem, "solve", watched):
        found = invert(total, local, known.grid, quality=quality)
    strength = find_strength(local.field_ppm, total.fit.sd_ppm, local.mask, known.grid).value
    (told,) = (notice for notice in found.notices if notice.startswith("inversion: TV"))
    steps = int(told.split()[-2])
    problem, sums, maps = problems[-1], [], []
    for more in (0, max(_LONGER * steps, _LONG)):
        if more:
            solve(problem, squares, (more, more), 0.0)
        problem._invert()
        chi = problem.chi.real.copy()
        problem._split(squares, 1.0)
        sums.append(sum_of_tv(problem, chi, known, strength))
        maps.append(chi[problem.crop][known.brain])
    return steps, sums[0] / sums[1], distance(maps[0], maps[1])


def sum_of_tv(problem: Problem, chi: np.ndarray, known: Known, strength: float) -> float:
    """Half the weighted misfit squared and what the gradients cost."""
    shape = chi.shape
    model = irfftn(rfftn(chi) * dipole_kernel(known.grid, shape), shape)
    misfit = 0.5 * float((problem.trust * (model - problem.data) ** 2).sum(dtype=np.float64))
    cost = 0.0
    for axis, side in enumerate(known.grid.voxel_mm):
        step = np.abs(np.roll(chi, -1, axis) - chi) / side
        weight = problem.gradients.weight[axis].astype(np.float32) / WHOLE
        cost += float((weight * step).sum(dtype=np.float64))
    return misfit + strength * cost


def objects(phantoms: Path) -> Iterator[Known]:
    """Three phantoms of files, coarse, and a head."""
    for name in ("p3x", "const", "tex"):
        p = load(phantoms / name)
        yield coarse(p, name, [a for a in range(3) if p.grid.voxel_mm[a] < _COARSE_MM], {})
    yield whole_head_of_2_mm()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path)
    chosen = parser.parse_args()
    set_budget(1)
    head(
        "Where iterations end, against a long run",
        "object", "method", "steps", "sum over its least", "moved by the long run %",
    )  # fmt: skip
    for known in objects(chosen.phantoms):
        total = total_field(known.echoes, known.te_s, known.b0_t, known.grid, mask=known.brain)
        for background in (Background.PDF, Background.RESHARP, Background.VRESHARP):
            row(known.name, background.value, *told(squared(known, total, background)))
        for name, remove in (("iSMV", remove_ismv), ("LBV", remove_lbv)):
            row(known.name, name, *told(repeated(known, total, remove)))
        local = local_field(total, known.grid)
        for quality in (Quality.STANDARD, Quality.BEST):
            row(known.name, f"TV, {quality.value}", *told(sparse(known, total, local, quality)))
        clean = LocalField(
            "given", (known.local * known.brain).astype(np.float32), known.brain, is_clean=True
        )
        ends = sparse(known, total, clean, Quality.STANDARD)
        row(known.name, f"TV, clean field, {Quality.STANDARD.value}", *told(ends))


def told(ends: Ends) -> tuple[object, ...]:
    """A table's cells."""
    steps, over, moved = ends
    return steps, "-" if np.isnan(over) else f"{over:.4f}", moved


if __name__ == "__main__":
    main()
