"""The first scan of a new matrix against the second, each quality: what FFT planning costs.

    python benchmarks/bench_first_scan.py [--load 0] [--matrix 96,110,104]

Each quality has a process of its own, without kept plans; another matrix has compiled its kernels.
``--load`` programs keep a processor busy meanwhile, as other scans do. Bound: 1.3.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import numpy as np

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.pipeline import Quality, susceptibility

TE_S = (0.004, 0.010, 0.016, 0.022)
WARM = (20, 24, 22)
BUSY = "while True: pass"


def main() -> None:
    """Print a line for each quality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", type=int, default=0)
    parser.add_argument("--matrix", default="96,110,104")
    parser.add_argument("--quality")
    options = parser.parse_args()
    shape = tuple(int(word) for word in options.matrix.split(","))
    if options.quality:
        scan(WARM, Quality(options.quality))
        first, second = (scan(shape, Quality(options.quality)) for _ in range(2))
        print(f"{options.quality:10} first / second {first / second:.2f} (bound 1.3)", flush=True)
        return
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(options.load)]
    try:
        for quality in Quality:
            words = ["--matrix", options.matrix, "--quality", quality.value]
            subprocess.run([sys.executable, __file__, *words], check=True)
    finally:
        for program in busy:
            program.kill()


def scan(shape: tuple[int, ...], quality: Quality) -> float:
    """Seconds that the map of a ball in a head takes."""
    z, y, x = (side - size / 2 for side, size in zip(np.indices(shape), shape, strict=True))
    r = np.sqrt(sum((side / size) ** 2 for side, size in zip((z, y, x), shape, strict=True)))
    field_ppm = 0.3 * np.exp(-(r**2) / 0.02) * np.sin(z / 5)
    rng = np.random.default_rng(0)
    echoes = np.stack([np.exp(-20 * t + 800j * field_ppm * t) * (r < 0.4) for t in TE_S])
    echoes = echoes + 0.02 * (rng.standard_normal(echoes.shape) + 1j * rng.standard_normal(z.shape))
    grid = Geometry(
        shape=(len(z), shape[1], shape[2]), voxel_mm=(1.0, 1.0, 1.0), axes_lps=np.eye(3)
    )
    start = time.perf_counter()
    susceptibility(echoes.astype(np.complex64), TE_S, 3.0, grid, quality=quality)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
