"""What a scan costs in processor time, memory and disk, for plans of many.

    python benchmarks/bench_scale.py

Two sizes of one head go through `streamrecon replay --config gre_full` in one thread, each in a
process of its own; the cost is split into what a process costs and what a voxel does. Processor
time, and not the clock's: it does not depend on who else uses the machine.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan

SIZES = ((32, 48, 56), (48, 72, 80))
WANTED = (96, 192, 192)  # of a scan of the whole head, 1 mm in plane
CHAIN = str(Path(__file__).parents[1] / "config" / "gre_full.xml")


def main() -> None:
    """Print the cost of both sizes, and of a scan of the usual size."""
    costs = []
    with tempfile.TemporaryDirectory() as name:
        for shape in SIZES:
            costs.append(cost(Path(name), (shape[0], shape[1], shape[2])))
            print(shape, costs[-1])
    voxels = np.array([np.prod(shape) for shape in SIZES]) / 1e6
    slope = (costs[1][0] - costs[0][0]) / (voxels[1] - voxels[0])
    start = costs[0][0] - slope * voxels[0]
    wanted = np.prod(WANTED) / 1e6
    raw, made = (costs[1][n] / voxels[1] * wanted for n in (1, 2))
    print(f"start {start:.1f} s, {slope:.1f} s a million voxels (4 echoes, 8 coils)")
    print(f"{WANTED}: {start + slope * wanted:.0f} s of a processor, raw {raw / 1e6:.0f} MB, "
          f"maps {made / 1e6:.0f} MB")  # fmt: skip


def cost(place: Path, shape: tuple[int, int, int]) -> tuple[float, int, int]:
    """Processor seconds, bytes of the scan, bytes of NIfTI, JSON and sheet."""
    raw, out = place / f"{shape[0]}.h5", place / f"out{shape[0]}"
    voxel = tuple(160 / n for n in shape)
    scene = replace(
        SCENES["head"], matrix=shape, voxel_mm=(voxel[0], voxel[1], voxel[2]), n_coils=8
    )
    write_scan(simulate(scene), raw)
    words = ["replay", str(raw), "--config", CHAIN, "--format", "nifti,png", "-o", str(out)]
    one = {"STREAMRECON_THREADS": "1", "OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "streamrecon", *words], env={**os.environ, **one}, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    made = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return round(seconds, 1), raw.stat().st_size, made


if __name__ == "__main__":
    main()
