"""How near the minimum of its own cost each iteration ends, against a long run of the same.

    python benchmarks/bench_convergence.py PHANTOMS [--only p3x]

PHANTOMS holds p3x, const and tex, whose voxels are doubled; a whole head comes from the simulator.
A long run takes ten times the steps of the product, at least 300 and of the slow ones 600. Beside
it stands what the notice of the product says. Where a method has no sum to make small, or none that
it tells, how far its result is from that of the long run is told alone.
The sums are of the methods' own problems, so that this looks into their modules.
"""
# ruff: noqa: SLF001

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
from _geometries import Known, coarse, whole_head_of_2_mm
from bench_qsm import head, load, row

from streamrecon.machine.threads import set_budget
from streamrecon.qsm.background import pdf, sharp
from streamrecon.qsm.background.lbv import remove_lbv
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.background.sharp import remove_ismv
from streamrecon.qsm.inversion import closed_form, tv_problem
from streamrecon.qsm.inversion.methods import Inversion
from streamrecon.qsm.inversion.tv_problem import Cost, Problem, above_minimum
from streamrecon.qsm.pipeline import Background, Quality, invert, local_field
from streamrecon.qsm.solvers import Operator, Solution, end_in_words, least_squares, squares
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.qsm.total_field import TotalField, total_field

_HEAD = "head"
_COARSE_MM = 1.6  # sides below are doubled
_LONGER, _LONG, _LONGEST = 10, 300, 600
Ends = tuple[int, float, float, float]  # steps, sum over its least, what is told, moved [%]
Choice = tuple[Quality, Inversion]


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
        long = least_squares(operator, data, damping=damping, iterations=many, tolerance=1e-5)
        fields = [each.unknown for each in (found, long)]
        if background is Background.PDF:  # its unknown are sources, the others' the local field
            fields = [data - operator.forward(sources) for sources in fields]
        over = size(found.unknown) / size(long.unknown)
        ends.append((found.iterations, over, found.above_minimum, distance(*fields)))
        return found

    with patch.object(pdf, "least_squares", both), patch.object(sharp, "least_squares", both):
        local_field(total, known.grid, background=background)
    return ends[-1]


def repeated(known: Known, total: TotalField, remove: Callable[..., LocalField]) -> Ends:
    """A removal that has no sum, or one that is not told."""
    field, mask = total.fit.field_ppm, total.mask
    found = remove(field, mask, known.grid)
    long = remove(field, mask, known.grid, tolerance=1e-6, iterations=_LONGEST)
    moved = distance(found.field_ppm, long.field_ppm)
    return found.iterations, np.nan, found.above_minimum, moved


def sparse(known: Known, total: TotalField, local: LocalField, how: Choice) -> Ends:
    """An inversion by total variation, whose last problem goes on."""
    problems: list[Problem] = []
    bound = Problem._above_minimum

    def watched(problem: Problem) -> float:
        """Leaves the arrays as they were, so that the iteration can go on."""
        arrays = problem.chi.real.copy(), problem.model.real.copy()
        told = bound(problem)
        problem.chi.real[...], problem.model.real[...] = arrays
        problems.append(problem)
        return told

    with sums_of(tv_problem) as sums, patch.object(Problem, "_above_minimum", watched):
        found = invert(total, local, known.grid, quality=how[0], inversion=how[1])
        problem = problems[-1]
        chi, steps = problem.chi.real.copy(), steps_of(found)
        problem._split(squares, 1.0)
        many = max(_LONGER * steps, _LONGEST)
        problem.solve(squares, (many, many), 0.0, last=True)
    inside = [values[problem.crop][local.mask] for values in (chi, problem.chi.real)]
    (total_found, told), (total_long, _) = sums[-2:]
    return steps, total_found / total_long, told, distance(*inside)


def two_steps(known: Known, total: TotalField, local: LocalField) -> Ends:
    """RTS, once as it is and once long."""
    invert_rts = partial(
        closed_form.invert_rts, local.field_ppm, local.mask, known.grid, weight=total.weight
    )
    with sums_of(closed_form) as sums:
        found, long = invert_rts(), invert_rts(iterations=(_LONGEST, _LONGEST))
    (total_found, told), (total_long, _) = sums
    return found.iterations, total_found / total_long, told, distance(found.unknown, long.unknown)


@contextmanager
def sums_of(module: ModuleType) -> Iterator[list[tuple[float, float]]]:
    """Sums that inversions of a module end with, and how far above the least they say that is."""
    sums: list[tuple[float, float]] = []

    def told(parts: tuple[Cost, Cost], *arrays: np.ndarray) -> float:
        sums.append((sum(each.cost for each in parts), above_minimum(parts, *arrays)))
        return sums[-1][1]

    with patch.object(module, "above_minimum", told):
        yield sums


def steps_of(found: Susceptibility) -> int:
    """Steps of the inversion, as its notice has them."""
    (told,) = (notice for notice in found.notices if " steps" in notice and "inversion" in notice)
    return int(told.split(" steps")[0].split()[-1])


def objects(phantoms: Path, only: str) -> Iterator[Known]:
    """Three phantoms of files, coarse, and a head; or one of them."""
    for name in ("p3x", "const", "tex"):
        if only not in ("", name):
            continue
        p = load(phantoms / name)
        yield coarse(p, name, [a for a in range(3) if p.grid.voxel_mm[a] < _COARSE_MM], {})
    if only in ("", _HEAD):
        yield whole_head_of_2_mm()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path)
    parser.add_argument("--only", default="", choices=("", "p3x", "const", "tex", _HEAD))
    chosen = parser.parse_args()
    set_budget(1)
    head(
        "Where iterations end, against a long run",
        "object", "method", "steps", "above the least %", "told", "moved by the long run %",
    )  # fmt: skip
    for known in objects(chosen.phantoms, chosen.only):
        total = total_field(known.echoes, known.te_s, known.b0_t, known.grid, mask=known.brain)
        for background in (Background.PDF, Background.RESHARP, Background.VRESHARP):
            row(known.name, background.value, *told(squared(known, total, background)))
        for name, remove in (("iSMV", remove_ismv), ("LBV", remove_lbv)):
            row(known.name, name, *told(repeated(known, total, remove)))
        local = local_field(total, known.grid)
        row(known.name, "RTS", *told(two_steps(known, total, local)))
        for name, how in (
            ("TV, standard", (Quality.STANDARD, Inversion.PRESET)),
            ("TV, best", (Quality.BEST, Inversion.PRESET)),
            ("robust TV", (Quality.STANDARD, Inversion.ROBUST_TV)),
        ):
            row(known.name, name, *told(sparse(known, total, local, how)))
        clean = LocalField(
            "given", (known.local * known.brain).astype(np.float32), known.brain, is_clean=True
        )
        ends = sparse(known, total, clean, (Quality.STANDARD, Inversion.PRESET))
        row(known.name, "TV, standard, clean field", *told(ends))


def told(ends: Ends) -> tuple[object, ...]:
    """A table's cells."""
    steps, over, above, moved = ends
    return steps, "-" if np.isnan(over) else f"{100 * (over - 1):.2f}", end_in_words(above), moved


if __name__ == "__main__":
    main()
