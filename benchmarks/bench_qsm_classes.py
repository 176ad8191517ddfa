"""What classes of tissue change in the standard map, mask given: error, slope and regions.

    python benchmarks/bench_qsm_classes.py PHANTOMS [--names tex const]

Each phantom's echoes become a map without classes and with them. The images of tex and const are
those of even points of a finer grid, their truth is the mean of two points along each axis: it lies
a quarter of a voxel beside, and their rows "moved" are against the truth that is moved back. What
a map without any error has against the truth as it is stands below them.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench_qsm import Phantom, chi_score, head, load, row
from scipy.ndimage import shift

from streamrecon.qsm.pipeline import Quality, invert, local_field
from streamrecon.qsm.total_field import total_field

NAMES = ("p3x", "tex", "const", "p3m", "p3n", "p3t")
MOVED = ("tex", "const")
_VOXELS_BESIDE = 0.25


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path)
    parser.add_argument("--names", nargs="*", default=NAMES)
    asked = parser.parse_args()
    head(
        "Classes of tissue in the standard map, mask given: error %, slope, regions ppb",
        "data", "without", "with",
    )  # fmt: skip
    for name in asked.names:
        p = load(asked.phantoms / name)
        maps = both(p)
        row(name, *(_cell(chi, p) for chi in maps))
        if name in MOVED:
            there = replace(p, chi=shift(p.chi, _VOXELS_BESIDE, order=3, mode="nearest"))
            row(f"{name}, moved", *(_cell(chi, there) for chi in maps))
            row(f"{name}, a map without any error", "-", _cell(there.chi * p.mask, p))


def both(p: Phantom) -> list[np.ndarray]:
    """The map [Z, Y, X, ppm] without classes, and with them."""
    total = total_field(p.echoes, p.te_s, p.b0_t, p.grid, mask=p.mask)
    maps = []
    for each in (replace(total, classes=None), total):
        local = local_field(each, p.grid, quality=Quality.STANDARD)
        maps.append(invert(each, local, p.grid, quality=Quality.STANDARD).map.chi_ppm)
    return maps


def _cell(chi: np.ndarray, p: Phantom) -> str:
    error, _, slope, regions, _ = chi_score(chi, p)
    return f"{error:.1f} {slope:.3f} {regions:.1f}"


if __name__ == "__main__":
    main()
