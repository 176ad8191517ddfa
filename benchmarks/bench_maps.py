"""Cost of the maps, in transforms of the volume.

    python benchmarks/bench_maps.py [--shape 96 192 192] [--echoes 5]

The unit is one transform of the volume by pyFFTW: complex64, measured plan, out of place, same
threads. Work and unit are timed in pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from _cost import MeasuredPlan, cost_in

from streamrecon.machine.threads import budget
from streamrecon.maps.clear_swi import swi_clear
from streamrecon.maps.dephasing import Dephasing, field_gradient
from streamrecon.maps.projection import project_slabs
from streamrecon.maps.r2star import fit_arlo, fit_decay
from streamrecon.maps.swi import root_sum_squares, swi_classic, swi_from_field, true_swi
from streamrecon.model.geometry import Geometry

AXIAL = np.eye(3)[::-1]
VOXEL_MM = (1.5, 1.0, 1.0)
FULL = (True, True, True)


class Head:
    """A made-up head: smooth R2*, field and noise on the whole grid, brain in its middle."""

    def __init__(self, shape: tuple[int, int, int], n_echoes: int) -> None:
        rng = np.random.default_rng(0)
        axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in shape]
        z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
        self.grid = Geometry(shape, VOXEL_MM, AXIAL)
        self.te_s = tuple(np.linspace(0.005, 0.029, n_echoes).tolist())
        self.everywhere = np.ones(shape, bool)
        self.brain = z**2 + y**2 + x**2 < 0.8
        self.field_hz = 60 * np.sin(3 * z + x) + 40 * y**2
        r2_star = 20 + 15 * np.sin(4 * y) * np.cos(5 * x)
        self.echoes = np.empty((n_echoes, *shape), np.complex64)
        for echo, te_s in zip(self.echoes, self.te_s, strict=True):
            noise = rng.standard_normal((2, *shape), np.float32) / np.float32(50)
            amplitude = np.exp(-r2_star * np.float32(te_s)) * (0.05 + 0.95 * self.brain)
            turned = np.float32(2 * np.pi * te_s) * self.field_hz
            echo.real = amplitude * np.cos(turned) + noise[0]
            echo.imag = amplitude * np.sin(turned) + noise[1]
        self.magnitude = np.abs(self.echoes)


def arlo(head: Head, mask: np.ndarray) -> object:
    """The map at once."""
    return fit_arlo(head.magnitude, head.te_s, mask, noise=0.02)


def with_gradient(head: Head, mask: np.ndarray) -> object:
    """The number, with slopes of the field and 3-D sinc."""
    slopes = field_gradient(head.field_hz, mask, head.grid)
    dephasing = Dephasing(slopes, head.grid.voxel_mm, FULL)
    return fit_decay(head.magnitude, head.te_s, mask, noise=0.02, dephasing=dephasing)


def from_echoes(head: Head, local_ppm: np.ndarray) -> object:
    """SWI as the chain makes it."""
    return swi_from_field(root_sum_squares(head.echoes), local_ppm, 3.0, 0.02)


def costs(head: Head) -> None:
    """The table of costs."""
    plan = MeasuredPlan(head.grid.shape, (0, 1, 2), inverse=False, in_place=False, threads=budget())
    plan.source[...] = head.echoes[0]
    magnitude, grid = root_sum_squares(head.echoes), head.grid
    local_ppm = head.field_hz / np.float32(127.7 * 20)
    swi = swi_from_field(magnitude, local_ppm, 3.0, 0.02)
    works: list[tuple[str, Callable[[], object], float]] = [
        ("SWI from echoes and local field", lambda: from_echoes(head, local_ppm), 15),
        ("minimum projection, 8 mm", lambda: project_slabs(swi, grid), 4),
        ("tSWI", lambda: true_swi(magnitude, local_ppm), np.inf),
        ("R2*: ARLO, every voxel", lambda: arlo(head, head.everywhere), 10),
        ("R2*: least squares, 3-D sinc, brain", lambda: with_gradient(head, head.brain), 60),
        ("R2*: least squares, 3-D sinc, all", lambda: with_gradient(head, head.everywhere), np.inf),
        ("classic SWI, all echoes", lambda: swi_classic(head.echoes, grid), np.inf),
        ("CLEAR-SWI", lambda: swi_clear(head.echoes, head.te_s, grid), np.inf),
    ]
    print(f"### Cost in transforms of {head.grid.shape}, {budget()} threads\n")
    print("| | FFTs | at most |\n| --- | --- | --- |")
    for name, work, most in works:
        print(
            f"| {name} | {cost_in(plan.run, work, pairs=3):.1f} | {most:g} |".replace("inf", ""),
            flush=True,
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(96, 192, 192))
    parser.add_argument("--echoes", type=int, default=5)
    options = parser.parse_args()
    costs(Head(tuple(options.shape), options.echoes))


if __name__ == "__main__":
    main()
