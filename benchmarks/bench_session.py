"""What a whole session over the socket costs: of one slice, and of the first 3-D scan.

    python benchmarks/bench_session.py [--pairs 20] [--commit COMMIT]

`gre_recon` of one slice in units of `default.xml`, through one service in turns. With ``--commit``
slabs of about 128 × 128 × 32, 4 echoes and 8 coils too, through this service in units of one of
that commit's: the first one of its matrix, and the same once more. A worker serves one scan.
Counted are the wall from the first byte to CLOSE, and the processor time of the worker behind its
warm-up.

Targets: at most 1.2 for the slice, and 0.9 of commit 434bc87 for the first slab.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
from _service import Service, send_stream, serving
from compare import HERE, lay_out
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.write import write_scan_stream

SLICE = Scene(
    "one slice", matrix=(1, 128, 128), voxel_mm=(5.0, 1.8, 1.8), slices=True, te_s=(0.01,),
    n_coils=8, snr=100.0,
)  # fmt: skip
SLAB = Scene(
    "a slab", matrix=(32, 128, 128), voxel_mm=(4.0, 1.8, 1.7), te_s=(0.005, 0.010, 0.015, 0.020),
    n_coils=8, snr=100.0,
)  # fmt: skip
PATIENCE_S = 60.0
Cost = tuple[float, float]
"""Wall and processor time [s]."""
Pair = tuple[Cost, Cost]
Session = Callable[[], Cost]


def main() -> None:
    """Print a line for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--commit", help="also against this one")
    asked = parser.parse_args()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        here = stack.enter_context(serving(work / "here"))
        one_slice = _written(SLICE, work)
        ours, default = (_session(here, HERE, one_slice, name) for name in ("gre_recon", "default"))
        ours()
        default()
        costs = [_in_turn(ours, default, i) for i in range(asked.pairs)]
        _report("one slice: gre_recon / default.xml", costs)
        if asked.commit:
            tree = lay_out(asked.commit, work / "tree")
            there = stack.enter_context(serving(work / "there", tree=tree))
            _slabs(here, there, tree, work, asked.pairs)


def _slabs(here: Service, there: Service, tree: Path, work: Path, pairs: int) -> None:
    """Slabs of a new matrix each, twice."""
    first, again = list[Pair](), list[Pair]()
    for i in range(-1, pairs):
        slab = _written(replace(SLAB, matrix=(32, 128, 126 - 2 * i)), work)
        now = _session(here, HERE, slab, "gre_recon")
        then = _session(there, tree, slab, "gre_recon")
        first.append(_in_turn(now, then, i))
        again.append(_in_turn(now, then, i))
    _report("first slab: here / there", first[1:])
    _report("slab again: here / there", again[1:])


def _written(scene: Scene, folder: Path) -> Path:
    path = folder / f"{scene.summary}.mrd"
    write_scan_stream(simulate(scene), path)
    return path


def _session(service: Service, tree: Path, scan: Path, chain: str) -> Session:
    text = (tree / "config" / f"{chain}.xml").read_text(encoding="utf-8")

    def cost() -> Cost:
        service.wait_warm(1)
        idle = service.spent_s()
        pool = psutil.Process(next(iter(idle))).parent() or service.process
        reaped = sum(pool.cpu_times()[2:4])
        start = time.perf_counter()
        run = send_stream(service.port, scan, chain=text)
        wall_s = time.perf_counter() - start
        if not run.images:
            raise RuntimeError(f"{chain}: no image: {run.texts}")
        (worker,) = _ended(set(idle))
        return wall_s, sum(pool.cpu_times()[2:4]) - reaped - idle[worker]

    return cost


def _ended(idle: set[int]) -> set[int]:
    """Workers that are no more, once there are any."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        gone = {pid for pid in idle if not psutil.pid_exists(pid)}
        if gone:
            return gone
        time.sleep(0.02)
    raise TimeoutError("no worker ended")


def _in_turn(work: Session, unit: Session, number: int) -> Pair:
    if number % 2:
        behind = unit()
        return work(), behind
    return work(), unit()


def _report(name: str, costs: Sequence[Pair]) -> None:
    """Ratio of medians of the wall, of means of the processor, whose clock has ticks of 10 ms."""
    wall = [statistics.median(each[i][0] for each in costs) for i in (0, 1)]
    cpu = [statistics.mean(each[i][1] for each in costs) for i in (0, 1)]
    spread = statistics.stdev(a[1] - b[1] for a, b in costs) / math.sqrt(len(costs)) / cpu[1]
    print(
        f"{name}: wall {wall[0] / wall[1]:.2f} of {wall[1]:.3f} s,"
        f" processor {cpu[0] / cpu[1]:.2f} ± {spread:.2f} of {cpu[1]:.3f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
