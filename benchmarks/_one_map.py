"""One map of a drawn head and one more, for their time and memory: a process that has nothing else.

    python benchmarks/_one_map.py NZ NY NX ECHOES QUALITY

Prints seconds of both, CPU seconds of the second, and the peak of memory of the first [GB].
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.pipeline import Quality, susceptibility


def scan(shape: tuple[int, int, int], n_echoes: int) -> Iterator[Any]:
    """A head with noise, and tissues of unlike decay: echoes, times, grid."""
    grid = Geometry(shape, (1.5, 1.0, 1.0), np.eye(3)[::-1])
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij", sparse=True)
    te_s = tuple(0.004 + 0.006 * e for e in range(n_echoes))
    inside = (x**2 + y**2 + z**2) < 0.8
    hz = 60 * x - 80 * y * z + 40 * x**2 + 10 * np.sin(20 * x) * np.sin(17 * y)
    r2star_per_s = 25 + 10 * np.sin(9 * x) * np.sin(8 * y) * np.sin(7 * z)
    rng = np.random.default_rng(0)
    echoes = np.empty((n_echoes, *shape), np.complex64)
    for e, te in enumerate(te_s):
        noise = rng.standard_normal((2, *shape)).astype(np.float32) * 0.01
        signal = inside * np.exp(-r2star_per_s * te + 1j * (2 * np.pi * hz * te + 0.5 * x))
        echoes[e] = signal + noise[0] + 1j * noise[1]
    yield from (echoes, te_s, grid)


def main() -> None:
    """Make both maps."""
    nz, ny, nx, n_echoes = map(int, sys.argv[1:5])
    echoes, te_s, grid = scan((nz, ny, nx), n_echoes)
    walls, cpus, peaks = [], [], []
    for _ in range(2):  # compiled code is loaded in the first
        start = time.perf_counter(), time.process_time()
        susceptibility(echoes, te_s, 3.0, grid, quality=Quality(sys.argv[5]))
        walls.append(time.perf_counter() - start[0])
        cpus.append(time.process_time() - start[1])
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
    print(*walls, cpus[1], peaks[0])


if __name__ == "__main__":
    main()
