"""Whether readings delay images: the last image of `gre_full` with them in units of it without.

    python benchmarks/bench_readings_delay.py [--pairs 12]

A whole head through one service over the socket, in turns without readings and with all that need
no file. Counted when the last image has come: the wall from the first byte, and the processor time
of the worker, whose clock has ticks of 10 ms; a worker without readings may be gone by then, and
the pair is compared at the last image that found both alive. Printed are the medians of the ratio
over interleaved pairs with the intervals that hold them in 95 % of runs; the target is at most
1.01. What the readings themselves take, behind the last image, is printed too.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from _service import Service, send_stream, serving
from compare import HERE, median_cell
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.write import write_scan_stream

READINGS = "qc,lesions,veins,oximetry,sources"
_ASKED = '<property name="readings" value="{}"/>'


@dataclass(frozen=True)
class Session:
    """Of one scan [s]: the last image by the wall, what each had cost, what came behind it."""

    wall_s: float
    cpu_s: tuple[float, ...]
    behind_s: float
    images: int


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=12)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "head.mrd"
        write_scan_stream(simulate(head()), scan)
        with serving(Path(folder) / "storage") as service:
            chains = [chain_with(""), chain_with(READINGS)]
            for chain in chains:  # compiles and plans, in the storage that all workers share
                session(service, scan, chain)
            pairs = list[tuple[Session, Session]]()
            for i in range(asked.pairs):
                pairs.append(in_turn(service, scan, chains, i))
                a, b = pairs[-1]
                wall, cpu = b.wall_s / a.wall_s, cpu_ratio(a, b)
                print(f"pair {i + 1}: wall {wall:.3f}, processor {cpu:.3f}", flush=True)
    report(pairs)


def head() -> Scene:
    """A head of 44 x 100 x 80 voxels, three echoes."""
    return replace(
        SCENES["whole-head"],
        phantom=WholeHead(2, grain_mm=2.0),
        matrix=(44, 100, 80),
        centre_lps_mm=(0.0, -4.0, 20.0),
        voxel_mm=(2.25, 2.25, 2.25),
        n_coils=1,
        te_s=(0.004, 0.011, 0.018),
    )


def chain_with(readings: str) -> str:
    """`gre_full` in full, with the readings asked for."""
    text = (HERE / "config" / "gre_full.xml").read_text(encoding="utf-8")
    if _ASKED.format("") not in text:
        raise RuntimeError("gre_full: found no readings to ask for")
    return text.replace(_ASKED.format(""), _ASKED.format(readings))


def session(service: Service, scan: Path, chain: str) -> Session:
    """One scan through a worker that rests before."""
    service.wait_warm(1)
    idle = service.spent_s()
    spent: list[float] = []

    def note() -> None:
        now = service.spent_s()
        spent.append(sum(now.get(pid, before) - before for pid, before in idle.items()))

    start = time.perf_counter()
    run = send_stream(service.port, scan, chain=chain, on_image=note)
    whole_s = time.perf_counter() - start
    if not run.images:
        raise RuntimeError(f"no image: {run.texts}")
    return Session(run.last_image_s, tuple(spent), whole_s - run.last_image_s, run.images)


def cpu_ratio(without: Session, with_them: Session) -> float:
    """Processor time of the second over the first at the last image that found both workers."""
    both = [(a, b) for a, b in zip(without.cpu_s, with_them.cpu_s, strict=True) if a and b]
    a, b = both[-1]
    return b / a


def in_turn(
    service: Service, scan: Path, chains: Sequence[str], number: int
) -> tuple[Session, Session]:
    """Without and with readings, either first in half of the pairs."""
    without, with_them = chains
    if number % 2:
        second = session(service, scan, with_them)
        return session(service, scan, without), second
    return session(service, scan, without), session(service, scan, with_them)


def report(pairs: Sequence[tuple[Session, Session]]) -> None:
    """Ratios of the last image, and what lies behind it."""
    if any(a.images != b.images for a, b in pairs):
        raise RuntimeError("readings change the number of images")
    print("| last image with / without readings | ratio | 95 % |\n|---|---|---|")
    print(f"| wall | {median_cell([b.wall_s / a.wall_s for a, b in pairs])} |")
    print(f"| processor | {median_cell([cpu_ratio(a, b) for a, b in pairs])} |")
    wall_s = statistics.median(each.wall_s for each, _ in pairs)
    cpu_s = statistics.median(max(each.cpu_s) for each, _ in pairs)
    before, behind = (statistics.median(pair[i].behind_s for pair in pairs) for i in (0, 1))
    print(f"\n{len(pairs)} pairs; last image after {wall_s:.2f} s, {cpu_s:.2f} s of processor")
    print(f"behind it {before:.2f} s without and {behind:.2f} s with readings")


if __name__ == "__main__":
    main()
