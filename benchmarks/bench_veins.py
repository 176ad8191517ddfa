"""Vein mask and centre-lines in transforms of one volume, and how well veins are found.

The volume is that of the issues, 192×192×96, filled with a tree of veins in noise; the unit is one
complex single-precision FFT of it, out of place, on two threads. Beside it stands scikit-image's
`sato` on the same data with the same widths, where that package is installed: a filter alone,
without mask or threshold, whose widths are in voxels.
"""

from __future__ import annotations

import numpy as np
from _cost import MeasuredPlan, cost_in, time_of
from streamrecon_simulator.shapes import contains
from streamrecon_simulator.vein_tree import vein_tree

from streamrecon.maps.centrelines import trace_veins
from streamrecon.maps.phase_sign_check import check_phase_sign
from streamrecon.maps.veins import SCALES_MM, find_veins
from streamrecon.model.geometry import Geometry
from streamrecon.threads import set_budget

try:
    from skimage.filters import sato
except ImportError:
    sato = None

GRID = Geometry((96, 192, 192), (1.5, 1.0, 1.0), np.eye(3)[::-1])
TISSUE_SD_PPM, VEIN_PPM = 0.02, 0.35


def main() -> None:
    """Print every figure."""
    set_budget(2)
    chi, head, true = scene()
    plan = MeasuredPlan(GRID.shape, (0, 1, 2), inverse=False, in_place=False, threads=2)
    plan.source[...] = chi
    veins = find_veins(chi, head, GRID)
    dice = 2 * (veins & true).sum() / (veins.sum() + true.sum())
    print(f"192×192×96, {true.sum()} voxels of vein, Dice {dice:.2f}; in FFTs of the volume:")
    for name, aim, work in (
        ("vein mask", "≤ 200", lambda: find_veins(chi, head, GRID)),
        ("centre-lines", "", lambda: trace_veins(veins, chi, GRID)),
        ("phase sign check", "", lambda: check_phase_sign(chi, head, GRID)),
    ):
        print(f"  {name:16s} {8 * cost_in(lambda: units(plan), work, pairs=3):7.1f}  {aim}")
    if sato is None:
        print("  scikit-image is not installed: no comparison with sato")
        return
    seconds = time_of(lambda: sato(chi, sigmas=SCALES_MM, black_ridges=False))
    print(f"  {'sato of skimage':16s} {8 * seconds / time_of(lambda: units(plan)):7.1f}")


def units(plan: MeasuredPlan) -> None:
    """Eight transforms: one alone is too short to time."""
    for _ in range(8):
        plan.run()


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A head's ellipsoid with noise and a tree of veins: χ, mask, truth."""
    axes = [(np.arange(n) - n // 2) * mm for n, mm in zip(GRID.shape, GRID.voxel_mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    head = (z / 65) ** 2 + (y / 88) ** 2 + (x / 75) ** 2 < 1
    true = np.zeros(GRID.shape, bool)
    for tube in vein_tree(branches=120, within_mm=60.0, tubes=5, tube_mm=10.0):
        reach = tube.radius_mm + tube.length_mm / 2
        block = tuple(
            slice(*np.searchsorted(axis, (at - reach, at + reach)))
            for axis, at in zip(axes, tube.centre_mm[::-1], strict=True)
        )
        place = np.stack(
            np.meshgrid(*[a[b] for a, b in zip(axes, block, strict=True)], indexing="ij")
        )
        true[block] |= contains(tube, place[::-1])
    noise = np.random.default_rng(0).standard_normal(GRID.shape) * TISSUE_SD_PPM
    return (head * (noise + VEIN_PPM * true)).astype(np.float32), head, true & head


if __name__ == "__main__":
    main()
