"""Jobs as whole processes, of this checkout and of another commit in turn: ratios of their cost.

    python benchmarks/compare.py COMMIT [--pairs 20]

The other commit is laid out in a temporary folder, both run in this environment. For every job
the median of the ratio this/other over interleaved pairs, with the interval that holds the
median of ratios at 95 % (order statistics, no assumption about their spread): wall time, and
processor time of the process and its children.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _service import python_path

HERE = Path(__file__).resolve().parents[1]
JOBS = {
    "start": ["check", "gre_recon"],
    "gre_recon of one small scan": ["replay", "tiny.h5", "--config", "gre_recon", "-o", "out"],
    "gre_recon": ["replay", "head.h5", "--config", "gre_recon", "-o", "out"],
    "gre_full": ["replay", "head.h5", "--config", "gre_full", "-o", "out"],
    "gre_qsm": ["replay", "head.h5", "--config", "gre_qsm", "-o", "out"],
}
Cost = tuple[float, float]
"""Wall and processor time [s]."""


def main() -> None:
    """Print a row per job."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("--pairs", type=int, default=20, help="of runs, of each job (%(default)s)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        other = lay_out(asked.commit, work / "other")
        _simulate(work)
        print("| job | wall | 95 % | processor | 95 % |\n|---|---|---|---|---|")
        for name, arguments in JOBS.items():
            pairs = _interleaved(arguments, (HERE, other), work, asked.pairs)
            ratios = [[a[i] / b[i] for a, b in pairs] for i in range(2)]
            cells = " | ".join(median_cell(r) for r in ratios)
            print(f"| {name} | {cells} |", flush=True)


def lay_out(commit: str, folder: Path) -> Path:
    """The tree of a commit, in a new folder."""
    folder.mkdir()
    archive = subprocess.run(
        ["git", "-C", str(HERE), "archive", commit], check=True, stdout=subprocess.PIPE
    )
    subprocess.run(["tar", "x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


def _simulate(work: Path) -> None:
    for scene, file in (("head", "head.h5"), ("tiny", "tiny.h5")):
        _run(HERE, ["-m", "streamrecon_simulator", "write", scene, "-o", file], work)


def _interleaved(
    arguments: list[str], trees: tuple[Path, Path], work: Path, pairs: int
) -> list[tuple[Cost, Cost]]:
    """Costs of ``pairs`` pairs; each tree is first in half of them, and once before, uncounted."""
    for tree in trees:
        _run(tree, ["-m", "streamrecon", *arguments], work)
    found = []
    for i in range(pairs):
        order = trees if i % 2 else trees[::-1]
        cost = {tree: _run(tree, ["-m", "streamrecon", *arguments], work) for tree in order}
        found.append((cost[trees[0]], cost[trees[1]]))
    return found


def _run(tree: Path, arguments: list[str], work: Path) -> Cost:
    before, start = _processor_time(), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        cwd=work,
        env=os.environ | python_path(tree),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - start, _processor_time() - before


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def median_cell(ratios: list[float]) -> str:
    """Median and its interval: ranks that hold the median in 95 % of samples of this size."""
    ordered, n = sorted(ratios), len(ratios)
    below = 0.0
    rank = 0
    while below + math.comb(n, rank) / 2**n <= 0.025:
        below += math.comb(n, rank) / 2**n
        rank += 1
    low, high = ordered[max(rank - 1, 0)], ordered[min(n - rank, n - 1)]
    return f"{statistics.median(ratios):.3f} | {low:.3f}-{high:.3f}"


if __name__ == "__main__":
    main()
