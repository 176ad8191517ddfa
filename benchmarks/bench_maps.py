"""Cost of the maps, in transforms of the volume; and what they get right, as tables.

    python benchmarks/bench_maps.py [--shape 96 192 192] [--echoes 5]

The unit is one transform of the volume by pyFFTW: complex64, measured plan, out of place, same
threads. Work and unit are timed in pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from _cost import cost_in

from streamrecon.fourier import Plan
from streamrecon.maps.dephasing import Dephasing, field_gradient
from streamrecon.maps.r2star import fit_arlo, fit_decay
from streamrecon.model.geometry import Geometry
from streamrecon.threads import budget

AXIAL = np.eye(3)[::-1]
VOXEL_MM = (1.5, 1.0, 1.0)
FULL = (True, True, True)


class Head:
    """A made-up head: smooth R2*, field and noise on the whole grid, brain in its middle."""

    def __init__(self, shape: tuple[int, int, int], n_echoes: int) -> None:
        rng = np.random.default_rng(0)
        z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij", sparse=True)
        self.grid = Geometry(shape, VOXEL_MM, AXIAL)
        self.te_s = tuple(np.linspace(0.005, 0.029, n_echoes).tolist())
        self.everywhere = np.ones(shape, bool)
        self.brain = z**2 + y**2 + x**2 < 0.8
        self.field_hz = (60 * np.sin(3 * z + x) + 40 * y**2).astype(np.float32)
        r2_star = 20 + 15 * np.sin(4 * y) * np.cos(5 * x)
        noise = rng.standard_normal((2, n_echoes, *shape), np.float32) / 50
        decay = np.stack([np.exp((-r2_star + 2j * np.pi * self.field_hz) * te) for te in self.te_s])
        self.echoes = (decay * (0.05 + 0.95 * self.brain) + noise[0] + 1j * noise[1]).astype(
            np.complex64
        )
        self.magnitude = np.abs(self.echoes)


def arlo(head: Head, mask: np.ndarray) -> object:
    """The map at once."""
    return fit_arlo(head.magnitude, head.te_s, mask, noise=0.02)


def with_gradient(head: Head, mask: np.ndarray) -> object:
    """The number, with slopes of the field and 3-D sinc."""
    slopes = field_gradient(head.field_hz, mask, head.grid)
    dephasing = Dephasing(slopes, head.grid.voxel_mm, FULL)
    return fit_decay(head.magnitude, head.te_s, mask, noise=0.02, dephasing=dephasing)


def costs(head: Head) -> None:
    """The table of costs."""
    plan = Plan(head.grid.shape, (0, 1, 2), inverse=False, in_place=False)
    plan.source[...] = head.echoes[0]
    works: list[tuple[str, Callable[[], object], float]] = [
        ("R2*: ARLO, every voxel", lambda: arlo(head, head.everywhere), 10),
        ("R2*: ARLO, brain", lambda: arlo(head, head.brain), 10),
        (
            "R2*: least squares, 3-D sinc, every voxel",
            lambda: with_gradient(head, head.everywhere),
            60,
        ),
        ("R2*: least squares, 3-D sinc, brain", lambda: with_gradient(head, head.brain), 60),
    ]
    print(f"### Cost in transforms of {head.grid.shape}, {budget()} threads\n")
    print("| | FFTs | at most |\n| --- | --- | --- |")
    for name, work, most in works:
        print(f"| {name} | {cost_in(plan.run, work, pairs=3):.1f} | {most:g} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(96, 192, 192))
    parser.add_argument("--echoes", type=int, default=5)
    options = parser.parse_args()
    costs(Head(tuple(options.shape), options.echoes))


if __name__ == "__main__":
    main()
