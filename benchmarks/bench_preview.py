"""When previews leave, and what they cost the final images; when the series of everything leave.

    python benchmarks/bench_preview.py [--seconds 20] [--pairs 3]

A scan comes line by line, linear order, at the pace of a scanner that takes so many seconds. The
chain of previews is compared with the same chain without `CollectCentre` and `Preview`, run by run
in pairs. The delay is that from the last line to the last image, and its share is of the scan.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from _service import Run, Service, send_stream, serving
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan_stream

from streamrecon.stream.chainfile.library import find_chain_file

SCENE = replace(SCENES["bench"], matrix=(64, 160, 160), supersampling=1)
PARTS = {"25 %": 0.625, "50 %": 0.75}  # of a linear order, when that much of the middle is in


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        stream = Path(name) / "scan.mrd"
        write_scan_stream(simulate(SCENE), stream)
        with serving(Path(name)) as service:
            previews(service, stream, options.seconds, options.pairs)
            leaving_times(service, stream, options.seconds)


def previews(service: Service, stream: Path, seconds: float, pairs: int) -> None:
    """Latency of the previews, and the delay of the final images."""
    chains = (find_chain_file("gre_preview").decode(), without_previews())
    for chain in chains:  # the first run loads modules and compiles kernels
        paced(service, stream, seconds / 2, chain)
    taken = [[paced(service, stream, seconds, chain) for chain in chains] for _ in range(pairs)]
    print(f"{SCENE.matrix[::-1]}, {len(SCENE.te_s)} echoes, {SCENE.n_coils} coils, {seconds:g} s")
    print("  (the first image at most 2 s behind its moment, the delay at most 3 %)")
    first, second = zip(*(latencies(run, seconds) for run, _ in taken), strict=True)
    for share, times in zip(PARTS, (first, second), strict=True):
        told = ", ".join(f"{at:.2f}" for at in times)
        print(f"  from the {share} moment to its first image {told} s")
    delays = [100 * (run.left_s - plain.left_s) / seconds for run, plain in taken]
    left = statistics.median(plain.left_s for _, plain in taken)
    print(f"  last line to last image without previews {left:.2f} s")
    told = ", ".join(f"{delay:+.2f}" for delay in delays)
    print(f"  delay by previews {told}, median {statistics.median(delays):+.2f} %")
    print("    of the scan")


def paced(service: Service, stream: Path, seconds: float, chain: str) -> Run:
    """One scan by a worker that is warm."""
    service.wait_warm(1)
    return send_stream(service.port, stream, seconds=seconds, chain=chain)


def without_previews() -> str:
    """The chain of previews without them."""
    chain = find_chain_file("gre_preview").decode()
    for gadget in (
        r"<gadget>\s*<name>CollectCentre</name>.*?</gadget>",
        r'<stream key="preview".*?</stream>',
    ):
        chain, found = re.subn(gadget, "", chain, flags=re.DOTALL)
        if found != 1:
            raise RuntimeError(f"gre_preview.xml: found {gadget} {found} times, needed it once")
    return chain


def latencies(run: Run, seconds: float) -> list[float]:
    """From the moments when shares of k-space are in to the magnitudes of their previews [s]."""
    came = [at for at, kind in run.came if kind == "magnitude_preview"]
    return [at - part * seconds for at, part in zip(came, PARTS.values(), strict=True)]


def leaving_times(service: Service, stream: Path, seconds: float) -> None:
    """When the first image of each series of `gre_full.xml` comes, after the last line."""
    paced(service, stream, seconds, "gre_full")
    run = paced(service, stream, seconds, "gre_full")
    first: dict[str, float] = {}
    for at, kind in run.came:
        first.setdefault(kind, at - run.sent_s)
    print("gre_full.xml, from the last line to the first image of each series, s:")
    print("  " + ", ".join(f"{kind} {at:.1f}" for kind, at in first.items()))


if __name__ == "__main__":
    main()
