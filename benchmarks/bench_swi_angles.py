"""Contrast to noise of veins at four angles to B0, in the plain magnitude and in CLEAR-SWI.

The four tubes of const and tex of ``textured_head.py``, 0.8 mm of radius in white matter: mean of
the ring of voxels from the second to the fifth around each, less that of the tube, over the
ring's spread.

    python benchmarks/bench_swi_angles.py PHANTOMS
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from bench_qsm import head, load, row
from scipy.ndimage import binary_dilation

from streamrecon.maps.swi import decay_weighted, root_sum_squares, swi_clear
from streamrecon.phase.magnitude import signal_mask

ANGLES_DEG = (0.0, 30.0, 54.7, 90.0)


def contrasts(image: np.ndarray, veins: np.ndarray) -> list[float]:
    """One for each tube."""
    found = []
    for number in range(1, len(ANGLES_DEG) + 1):
        tube = veins == number
        ring = binary_dilation(tube, iterations=5) & ~binary_dilation(tube) & (veins == 0)
        found.append(float((image[ring].mean() - image[tube].mean()) / image[ring].std()))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path)
    phantoms = parser.parse_args().phantoms
    head(
        "Contrast to noise of veins by their angle to B0",
        "head", "image", *(f"{angle:g}°" for angle in ANGLES_DEG),
    )  # fmt: skip
    for name in ("const", "tex"):
        p = load(phantoms / name)
        veins = np.fromfile(phantoms / name / "vein.u8", np.uint8).reshape(p.grid.shape)
        echoes = p.echoes.astype(np.complex64)
        together = root_sum_squares(echoes)
        for words, image in (
            ("magnitude", together),
            ("magnitude weighted for decay", decay_weighted(echoes, p.te_s, signal_mask(together))),
            ("CLEAR-SWI", swi_clear(echoes, p.te_s, p.grid)),
        ):
            row(name, words, *(f"{value:.1f}" for value in contrasts(image, veins)))


if __name__ == "__main__":
    main()
