"""Contrast to noise of veins by their angle to B0 and width, in the magnitude and in CLEAR-SWI.

The four tubes of const and tex of ``textured_head.py``, 0.8 mm of radius in white matter: mean of
the ring of voxels from the second to the fifth around each, less that of the tube, over the
ring's spread. Of the other veins, which run anywhere, the mean over their voxels of what they lack
to the tissue within 4 mm, over its spread: thin ones have a radius of less than a voxel. Beside
them stands CLEAR-SWI as QSM.rs has it with its positive mask (d2a6920, written again: echoes by
their Laplacian, a Gaussian of 4 voxels, the factor (1 - φ/max)⁴ inside the brain), on the mean of
the magnitudes.

The crop in vivo of ``scripts/make_map_figures.py`` has a vein of one voxel, top right in its
middle slice: how much darker it is than the tissue around, and that over the tissue's spread.

    python benchmarks/bench_swi_angles.py PHANTOMS
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from bench_qsm import Phantom, head, load, row
from scipy.ndimage import binary_dilation, gaussian_filter1d, uniform_filter
from scipy.spatial import cKDTree

from streamrecon.maps.centrelines import trace_veins
from streamrecon.maps.clear_swi import decay_weighted, swi_clear
from streamrecon.maps.swi import root_sum_squares
from streamrecon.phase.magnitude import signal_mask
from streamrecon.phase.unwrap import unwrap_laplacian

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from make_map_figures import SHARED, TE_S, crop

ANGLES_DEG = (0.0, 30.0, 54.7, 90.0)
OTHERS = 9  # their number in vein.u8
WHITE_GREY_VEIN = (8, 9, 11)
IN_VIVO_YX = ((4, 5, 4, 5, 6, 7, 7, 8, 9, 10), (48, 48, 47, 47, 47, 46, 47, 46, 45, 45))


def contrasts(image: np.ndarray, veins: np.ndarray) -> list[float]:
    """One for each tube."""
    found = []
    for number in range(1, len(ANGLES_DEG) + 1):
        tube = veins == number
        ring = binary_dilation(tube, iterations=5) & ~binary_dilation(tube) & (veins == 0)
        found.append(float((image[ring].mean() - image[tube].mean()) / image[ring].std()))
    return found


def by_width(image: np.ndarray, veins: np.ndarray, p: Phantom) -> tuple[float, float]:
    """Of the veins that run anywhere: thinner than a voxel, and the others."""
    lines = trace_veins(veins == OTHERS, p.chi, p.grid)
    inverse = np.linalg.inv(p.grid.affine_lps())
    at = (inverse @ np.c_[lines.position_lps_mm, np.ones(len(lines.vein))].T)[:3].T
    voxels = np.argwhere(veins == OTHERS)
    nearest = cKDTree(at * p.grid.voxel_mm).query(voxels * p.grid.voxel_mm)[1]
    tissue = np.isin(p.regions, WHITE_GREY_VEIN) & p.mask & ~binary_dilation(veins > 0)
    side = [2 * round(4 / mm) + 1 for mm in p.grid.voxel_mm]
    share = np.maximum(uniform_filter(tissue * 1.0, side), 1e-6)
    mean = uniform_filter(tissue * 1.0 * image, side) / share
    square = uniform_filter(tissue * 1.0 * image**2, side) / share
    lacks = (mean - image) / np.sqrt(np.maximum(square - mean**2, 1e-12))
    thin = lines.radius_mm[nearest] < p.grid.voxel_mm[1]
    values = lacks[veins == OTHERS]
    return float(values[thin].mean()), float(values[~thin].mean())


def as_qsm_rs(p: Phantom) -> np.ndarray:
    """CLEAR-SWI by QSM.rs's rules."""
    te = np.array(p.te_s)[:, None, None, None]
    turns = np.stack([unwrap_laplacian(phase, p.grid) for phase in p.phase])
    phase = (turns * p.magnitude).sum(axis=0) / (te * p.magnitude).sum(axis=0)
    smooth, weight = np.where(p.mask, phase, 0), p.mask * 1.0
    for axis in (1, 2):
        smooth, weight = (gaussian_filter1d(values, 4, axis) for values in (smooth, weight))
    high = np.where(p.mask, phase - smooth / np.maximum(weight, 1e-6), 0)
    return np.asarray(p.magnitude.mean(axis=0) * (1 - np.clip(high / high.max(), 0, 1)) ** 4)


def in_vivo() -> None:
    """The thin vein of the crop."""
    echoes, grid = crop(SHARED / "romeo-crop")
    together, middle = root_sum_squares(echoes), grid.shape[0] // 2
    vein = np.zeros(grid.shape[1:], bool)
    vein[IN_VIVO_YX] = True
    ring = ~binary_dilation(vein, np.ones((3, 3), bool))
    ring[15:], ring[:, :38] = False, False
    head("A thin vein in vivo", "image", "darker by", "over the spread")
    for words, image in (
        ("magnitude", together),
        ("magnitude weighted for decay", decay_weighted(echoes, TE_S, signal_mask(together))),
        ("CLEAR-SWI", swi_clear(echoes, TE_S, grid)),
    ):
        around, lacks = image[middle][ring], image[middle][ring].mean() - image[middle][vein].mean()
        row(words, f"{lacks / around.mean():.0%}", f"{lacks / around.std():.1f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path)
    phantoms = parser.parse_args().phantoms
    head(
        "Contrast to noise of veins by their angle to B0, and of thin and wide ones",
        "head", "image", *(f"{angle:g}°" for angle in ANGLES_DEG), "thin", "wide",
    )  # fmt: skip
    for name in ("const", "tex"):
        p = load(phantoms / name)
        veins = np.fromfile(phantoms / name / "vein.u8", np.uint8).reshape(p.grid.shape)
        echoes = p.echoes.astype(np.complex64)
        together = root_sum_squares(echoes)
        for words, image in (
            ("magnitude", together),
            ("magnitude weighted for decay", decay_weighted(echoes, p.te_s, signal_mask(together))),
            ("as QSM.rs, positive mask", as_qsm_rs(p)),
            ("CLEAR-SWI", swi_clear(echoes, p.te_s, p.grid)),
        ):
            values = (*contrasts(image, veins), *by_width(image, veins, p))
            row(name, words, *(f"{value:.1f}" for value in values))
    in_vivo()


if __name__ == "__main__":
    main()
