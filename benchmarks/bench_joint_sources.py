"""Cost of the joint fit of sources: what its deadline has to leave room for.

    python benchmarks/bench_joint_sources.py [--whole]

Noise on grids of two sizes (of 192 x 192 x 96 too with ``--whole``, some minutes): the fit costs
the same whatever it finds. CPU seconds of all 60 steps and of one; the last row is told by the
slope of the two, of seconds against voxels of the padded grid times their logarithm.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

from streamrecon.analysis.separation.joint_sources import Noise, separate_jointly
from streamrecon.analysis.separation.sources import Relaxivity, separate
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm.dipole import PADDING, padded_shape

_GRIDS: tuple[Shape, ...] = ((32, 64, 64), (48, 96, 96))
_WHOLE: Shape = (96, 192, 192)
_STEPS, _FEWER = 60, 20


def main() -> None:
    """Print a row for each grid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    cpu_s(_GRIDS[0], 2)  # loads, and plans some
    print("| grid | padded voxels | a step [CPU s] | 60 steps [CPU s] |\n|---|---|---|---|")
    measured = [(work_of(grid), step_s(grid)) for grid in _GRIDS]
    for grid, (_, each_s) in zip(_GRIDS, measured, strict=True):
        print(row_of(grid, each_s))
    if options.whole:
        print(row_of(_WHOLE, step_s(_WHOLE)))
        return
    (less, fast_s), (more, slow_s) = measured
    each_s = slow_s + (slow_s - fast_s) / (more - less) * (work_of(_WHOLE) - more)
    print(f"{row_of(_WHOLE, each_s)} extrapolated")


def row_of(grid: Shape, each_s: float) -> str:
    """Of the table."""
    shape = " x ".join(map(str, grid[::-1]))
    padded = math.prod(padded_shape(geometry_of(grid), PADDING))
    return f"| {shape} | {padded / 1e6:.2f} million | {each_s:.2f} | {_STEPS * each_s:.0f} |"


def work_of(grid: Shape) -> float:
    """What transforms cost, but for a factor."""
    padded = math.prod(padded_shape(geometry_of(grid), PADDING))
    return padded * math.log2(padded)


def geometry_of(grid: Shape) -> Geometry:
    """Axial voxels of 1 mm."""
    return Geometry(grid, (1.0, 1.0, 1.0), np.eye(3)[::-1])


def step_s(grid: Shape) -> float:
    """CPU seconds of one step, what goes before and after taken off."""
    return (cpu_s(grid, _FEWER) - cpu_s(grid, 2)) / (_FEWER - 2)


def cpu_s(grid: Shape, steps: int) -> float:
    """CPU seconds of a fit to noise within a ball."""
    random = np.random.default_rng(0)
    geometry, relaxivity = geometry_of(grid), Relaxivity.at(3.0)
    z, y, x = np.ogrid[tuple(slice(-1, 1, complex(n)) for n in grid)]
    mask = np.asarray(z**2 + y**2 + x**2 < 0.8)
    field = random.normal(0, 0.003, grid).astype(np.float32)
    rate = np.abs(random.normal(0, 3, grid)).astype(np.float32)
    start = separate(field, rate, mask, relaxivity)
    noise = Noise(field_ppm=0.003, r2_prime_per_s=2.0, strength=4e-4)
    began = time.process_time()
    separate_jointly(
        field, rate, mask, geometry, relaxivity, noise=noise, start=start, iterations=steps
    )
    return time.process_time() - began


if __name__ == "__main__":
    main()
