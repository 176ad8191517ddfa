"""Vein mask and centre-lines in transforms of one volume, and how well veins are found.

The volume is that of the issues, 192×192×96, filled with a tree of veins in noise; the unit is one
complex single-precision FFT of it, out of place, on two threads. Beside it stands scikit-image's
`sato` on the same data with the same widths, where that package is installed: a filter alone,
without mask or threshold, whose widths are in voxels.

    python benchmarks/bench_veins.py [--heads PHANTOMS | --anatomy N …]

``--heads`` tells instead how well veins are found in heads with nuclei: const and tex of
``textured_head.py`` in PHANTOMS and a whole head of the simulator in voxels of 1, 1.5 and 2 mm,
from the product's map and from the true one; ``--anatomy`` of other whole heads alone. The truth of
const and tex is of means of voxels, their images of samples a quarter of a voxel aside on each
axis; "moved" is the product's map brought there, and "as the images lie" what a map without any
error would show.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import scipy.fft
from _cost import MeasuredPlan, cost_in, time_of
from bench_qsm import head, load, row
from scipy.ndimage import fourier_shift, shift
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.phantoms.shapes import contains
from streamrecon_simulator.phantoms.vein_tree import vein_tree
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.tissues import Label

from streamrecon.machine.threads import set_budget
from streamrecon.maps.centrelines import trace_veins
from streamrecon.maps.phase_sign_check import check_phase_sign
from streamrecon.maps.veins import SCALES_MM, find_veins
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.pipeline import susceptibility

try:
    from skimage.filters import sato
except ImportError:
    sato = None

GRID = Geometry((96, 192, 192), (1.5, 1.0, 1.0), np.eye(3)[::-1])
_ANATOMY = 35  # of the whole head; nuclei were told from veins with it in sight
TISSUE_SD_PPM, VEIN_PPM = 0.02, 0.35


Head = tuple[str, Geometry, np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]


def heads(phantoms: Path) -> Iterator[Head]:
    """Name, grid, brain, veins, nuclei [Z, Y, X], and the maps of each."""
    for name in ("const", "tex"):
        p = load(phantoms / name)
        veins = np.fromfile(phantoms / name / "vein.u8", np.uint8).reshape(p.grid.shape) > 0
        found = susceptibility(p.echoes, p.te_s, p.b0_t, p.grid, mask=p.mask).map.chi_ppm
        nuclei = np.isin(p.regions, range(1, 8))
        aside = scipy.fft.ifftn(fourier_shift(scipy.fft.fftn(found), -0.25)).real
        there = shift(p.chi, 0.25, order=3, mode="nearest") * p.mask
        maps = {"ours": found, "ours, moved": aside.astype(np.float32) * p.mask}
        maps |= {"true": p.chi, "true, as the images lie": there}
        yield name, p.grid, p.mask, veins & p.mask, nuclei, maps
    yield from whole_heads(_ANATOMY)


def whole_heads(anatomy: int) -> Iterator[Head]:
    """One of the simulator in three sizes of voxels."""
    for side_mm in (1.0, 1.5, 2.0):
        yield whole_head(anatomy, side_mm)


def whole_head(anatomy: int, side_mm: float) -> Head:
    """A slab of 70 mm of a head with nuclei, in cubes of ``side_mm``."""
    scene = replace(
        SCENES["whole-head"],
        phantom=WholeHead(anatomy, grain_mm=0.75 * side_mm),
        matrix=(round(70 / side_mm), round(200 / side_mm), round(170 / side_mm)),
        voxel_mm=(side_mm, side_mm, side_mm),
        centre_lps_mm=(0.0, -4.0, 14.0),
        n_coils=4,
        snr=100.0,
    )
    known = truth(scene)
    labels, brain = known.labels, known.brain
    shown = known.band_limited_chi_ppm
    if labels is None or brain is None or shown is None:
        raise SystemExit("whole head: no truth of a head")
    echoes = noisy_images(scene, known, receive(scene)).astype(np.complex64)
    found = susceptibility(echoes, scene.te_s, scene.b0_t, scene.geometry, mask=brain).map.chi_ppm
    nuclei = (labels >= Label.CAUDATE) & (labels <= Label.DENTATE)
    veins = (labels == Label.VEIN) & brain
    maps = {"ours": found, "true": known.chi_ppm, "true, as images show it": shown * brain}
    name = "whole head" if anatomy == _ANATOMY else f"whole head {anatomy}"
    return f"{name}, {side_mm:g} mm", scene.geometry, brain, veins, nuclei, maps


def how_well(found_in: Iterator[Head]) -> None:
    """A table of heads."""
    head(
        "Veins in heads with nuclei",
        "head", "map", "Dice", "precision", "recall", "voxels of nuclei taken for vein",
    )  # fmt: skip
    for name, grid, mask, true, nuclei, maps in found_in:
        for label, chi in maps.items():
            found = find_veins(chi, mask, grid)
            both = float((found & true).sum())
            row(
                name, label, 2 * both / float(found.sum() + true.sum()),
                both / max(float(found.sum()), 1.0), both / float(true.sum()),
                int((found & nuclei & ~true).sum()),
            )  # fmt: skip


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=Path)
    parser.add_argument("--anatomy", type=int, nargs="+")
    chosen = parser.parse_args()
    if chosen.anatomy is not None:
        how_well(chain.from_iterable(map(whole_heads, chosen.anatomy)))
        return
    if chosen.heads is not None:
        how_well(heads(chosen.heads))
        return
    set_budget(2)
    chi, brain, true = scene()
    plan = MeasuredPlan(GRID.shape, (0, 1, 2), inverse=False, in_place=False, threads=2)
    plan.source[...] = chi
    veins = find_veins(chi, brain, GRID)
    dice = 2 * (veins & true).sum() / (veins.sum() + true.sum())
    print(f"192×192×96, {true.sum()} voxels of vein, Dice {dice:.2f}; in FFTs of the volume:")
    for name, aim, work in (
        ("vein mask", "≤ 200", lambda: find_veins(chi, brain, GRID)),
        ("centre-lines", "", lambda: trace_veins(veins, chi, GRID)),
        ("phase sign check", "", lambda: check_phase_sign(chi, brain, GRID)),
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
