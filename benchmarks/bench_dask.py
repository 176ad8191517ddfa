"""A cohort on two workers of Dask beside two plain processes, and after a machine has died.

python benchmarks/bench_dask.py [tiny] [head] [--pairs N] [--docs]

On loopback: a scheduler and two workers of one thread, started anew for each pair, and `--jobs 2`,
in turns; then a run one of whose workers is killed, with its nanny and its scan. Medians, and rates
within a pair. What others do on the machine makes wall times worse, and with them what Dask's own
processes spend on waiting; the scans' processor time depends least on it. With `--docs` the table
of docs/measurements/scale.md is written anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import dask.config
import psutil
from bench_cohort import checksums, cohort, done_in, finished, started
from distributed import Client
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene

PAGE = Path(__file__).parents[1] / "docs" / "measurements" / "scale.md"
BEGIN, END = "<!-- by benchmarks/bench_dask.py -->\n", "<!-- end -->\n"
WORKERS = 2
TURNS, IDLE_S = 3, 10.0
PATIENCE_S = 1800.0
ROWS = (
    ("from the second scan to the last", "steady_s"),
    ("the whole command", "command_s"),
    ("with the start of scheduler and workers", "whole_s"),
    ("processor time of the scans", "scans_cpu_s"),
    ("of all others, from their start", "other_cpu_s"),
)
VARIABLES = "distributed.nanny.pre-spawn-environ"


@dataclass(frozen=True, slots=True)
class Kind:
    """Scans of a cohort, their chain and their number."""

    words: str
    scene: Scene
    chain: str
    scans: int


KINDS = {
    "tiny": Kind("small scans, `gre_recon`", SCENES["tiny"], "gre_recon", 12),
    "head": Kind(
        "heads of 276,000 voxels, `gre_full`",
        replace(
            SCENES["head"], matrix=(48, 72, 80), voxel_mm=(3.33, 2.22, 2.0), n_coils=8
        ),
        "gre_full",
        6,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run has cost [s].

    Wall time of the command, of it with the start of what it runs on, and from the second scan that
    was done to the last; processor time of the scans' processes and of all others; and what part of
    a processor those take while no scan is there.
    """

    command_s: float
    whole_s: float
    steady_s: float
    scans_cpu_s: float
    other_cpu_s: float
    idle_processors: float = 0.0


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time of processes and of their children that have ended [s]."""

    own_s: float
    children_s: float


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    for name in ("STREAMRECON_THREADS", "OMP_NUM_THREADS"):
        os.environ.pop(name, None)  # each way finds out its own
    tables = []
    for kind in options.kinds:
        with tempfile.TemporaryDirectory() as name:
            tables.append(measured(Path(name), KINDS[kind], options.pairs))
        print(tables[-1], flush=True)
    if options.docs:
        text = PAGE.read_text(encoding="utf-8")
        block = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
        assert block.search(text)
        new = BEGIN + "\n".join(tables) + END
        PAGE.write_text(block.sub(lambda _: new, text), encoding="utf-8")


def measured(place: Path, kind: Kind, pairs: int) -> str:
    """Run all, and give the table."""
    raw = cohort(place / "raw", kind.scans, kind.scene)
    costs: list[tuple[Cost, Cost]] = []
    for pair in range(-1, pairs):  # the first fills what is kept from run to run: not counted
        ways = [on_workers, in_processes]
        found = {}
        for way in ways if pair % 2 else reversed(ways):
            found[way] = way(raw, place / f"{way.__name__}{pair}", kind)
        print(*found.items(), sep="\n", file=sys.stderr, flush=True)
        if pair >= 0:
            costs.append((found[in_processes], found[on_workers]))
    truth = checksums(place / "in_processes0")
    same = checksums(place / "on_workers0") == truth
    done, end = killed(raw, place / "death", kind)
    whole = end == 0 and checksums(place / "death") == truth
    head = f"| {kind.scans} {kind.words} | two processes | two workers | rate of the workers |"
    died = f"a worker killed with its nanny and its scan when {done} of {kind.scans} were done"
    idle = statistics.median(spread.idle_processors for _, spread in costs)
    lines = [
        head,
        "|---|---|---|---|",
        *(row(costs, *each) for each in ROWS),
        f"| processors of all others while no scan is there | | {idle:.2f} | |",
        f"| a scan that inherits Dask's variables, processor time | | | {inheriting(raw, kind)} |",
        f"| images to the bit the same | | | {'all' if same else '**not all**'} |",
        f"| {died} | | | {'all there, to the bit' if whole else '**images lost**'} |",
    ]
    return "\n".join(lines) + "\n"


def row(costs: Sequence[tuple[Cost, Cost]], words: str, what: str) -> str:
    """A line of the table: medians, and the rates of all pairs."""
    pairs = [(getattr(plain, what), getattr(spread, what)) for plain, spread in costs]
    plain, spread = (statistics.median(values) for values in zip(*pairs, strict=True))
    rate = spread_of([one / other for one, other in pairs])
    return f"| {words} | {plain:.1f} s | {spread:.1f} s | {rate} |"


def spread_of(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def in_processes(raw: Path, output: Path, kind: Kind) -> Cost:
    """Two plain processes."""
    began = time.monotonic()
    command = run(raw, output, kind, "--jobs", str(WORKERS))
    wall = time.monotonic() - began
    return Cost(wall, wall, steady(output), command.children_s, command.own_s)


def on_workers(raw: Path, output: Path, kind: Kind) -> Cost:
    """Two workers that have just begun."""
    began = time.monotonic()
    with cluster(raw.parent) as (address, _):
        there, there_s = of_cluster(), time.monotonic()
        command = run(raw, output, kind, "--scheduler", address)
        end, end_s = of_cluster(), time.monotonic()
        time.sleep(IDLE_S)
        idle_s = of_cluster().own_s - end.own_s
    return Cost(
        end_s - there_s,
        end_s - began,
        steady(output),
        end.children_s - there.children_s,
        end.own_s + command.own_s,
        idle_s / IDLE_S,
    )


def inheriting(raw: Path, kind: Kind) -> str:
    """Rate of a scan's process with the variables that Dask sets for a worker, by processor time.

    No scan of ours has them: it is what a worker cost before they were taken off.
    """
    theirs = {name: str(value) for name, value in dask.config.get(VARIABLES).items()}
    words = ["replay", str(raw / "sub-000.h5"), "--config", kind.chain, "--format", "nifti,png"]
    rates = []
    for turn in range(TURNS):
        spent_s = []
        for name, given in (("plain", {}), ("theirs", theirs)):
            before, output = ended(), raw.parent / f"{name}{turn}"
            subprocess.run(
                [sys.executable, "-m", "streamrecon", *words, "-o", str(output)],
                env={**os.environ, "STREAMRECON_THREADS": "1", **given}, check=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            spent_s.append(ended() - before)
        rates.append(spent_s[0] / spent_s[1])
    return spread_of(rates)


def run(raw: Path, output: Path, kind: Kind, *more: str) -> Spent:
    """A batch that is left alone, each of whose scans is done."""
    with started(raw, output, *more, chain=kind.chain) as process:
        assert process.stderr is not None
        messages = process.stderr.read().decode()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        found = of(psutil.Process(process.pid))
    assert process.returncode == 0, messages
    assert finished(output) == kind.scans
    return found


def steady(output: Path) -> float:
    """Time from the second scan that was done to the last [s]: both workers had one by then."""
    ends = sorted(path.stat().st_mtime for path in done_in(output))
    return ends[-1] - ends[WORKERS - 1]


def ended() -> float:
    """Processor time of this process's children that have ended [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of(process: psutil.Process) -> Spent:
    """What a process has spent."""
    t = process.cpu_times()
    return Spent(t.user + t.system, t.children_user + t.children_system)


def of_cluster() -> Spent:
    """What this process's children and theirs have spent so far: scheduler, nannies, workers."""
    each = [of(process) for process in psutil.Process().children(recursive=True)]
    return Spent(sum(s.own_s for s in each), sum(s.children_s for s in each))


def killed(raw: Path, output: Path, kind: Kind) -> tuple[int, int]:
    """A run whose first worker dies on its way; how many scans were done then, and its status."""
    with (
        cluster(raw.parent) as (address, workers),
        started(raw, output, "--scheduler", address, chain=kind.chain) as process,
    ):
        wait_until(lambda: len(done_in(output)) >= WORKERS or process.poll() is not None)
        done = finished(output)
        nanny = psutil.Process(workers[0].pid)
        for each in [nanny, *nanny.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.communicate()
    return done, process.returncode


def wait_until(happened: Callable[[], bool]) -> None:
    """Look every tenth of a second."""
    end = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen")
        time.sleep(0.1)


@contextmanager
def cluster(place: Path) -> Iterator[tuple[str, Sequence[subprocess.Popen[bytes]]]]:
    """Dask's own scheduler and two workers of one thread, as `dask worker` starts them."""
    file = place / "scheduler.json"
    file.unlink(missing_ok=True)
    with ExitStack() as stack:
        stack.enter_context(
            begun("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", file)
        )
        wait_until(file.exists)
        address = json.loads(file.read_text(encoding="utf-8"))["address"]
        workers = [
            stack.enter_context(
                begun("worker", address, "--nthreads", "1", "--local-directory", place)
            )
            for _ in range(WORKERS)
        ]
        with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(WORKERS, timeout=PATIENCE_S)
        yield address, workers


@contextmanager
def begun(what: str, *words: object) -> Iterator[subprocess.Popen[bytes]]:
    """One of Dask's commands, ended at the end."""
    command = [sys.executable, "-m", "distributed.cli.dask_" + what, "--no-dashboard"]
    process = subprocess.Popen(
        [*command, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
