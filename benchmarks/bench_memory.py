"""Memory that scans say they will need, over what their process held at its peak.

    python benchmarks/bench_memory.py | python scripts/fill_tables.py docs/measurements/memory.md
    python benchmarks/bench_memory.py --chains gre_recon --sizes 32x96x96x3x4

A table for each size, a row for each packaged chain that makes images. Each scan of noise in a ball
has a process of its own; a size is z × y × x × echoes × channels. Status 1 where a ratio is not
within 0.8 to 1.5.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.commands.run_setup.warm_up import warm
from streamrecon.machine.memory import give_back_freed
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Acquisitions, Header, Image, Message, Waveform
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file
from streamrecon.stream.gadget import Context

CHAINS = (
    "default", "Generic_Cartesian_FFT", "Generic_Cartesian_Grappa", "Generic_Cartesian_Grappa_SNR",
    "gre_recon", "gre_preview", "gre_swi", "gre_single_echo_swi", "gre_qsm", "gre_qsm_dicom",
    "gre_qsm_images", "gre_full", "gre_full_images",
)  # fmt: skip
SIZES = (
    "8x32x32x3x2", "24x64x64x2x2", "32x96x96x3x4", "20x144x160x5x2", "40x128x128x4x8",
    "60x176x192x3x3", "2x384x384x3x2",
)  # fmt: skip
LEAST, MOST = 0.8, 1.5
_OF_IMAGES, _OF_ONE_ECHO = "_images", "gre_single_echo_swi"
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_MIB = 1 << 20
_DESTINATION = '[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = 1\n'


def main() -> int:
    """Print a table for each size; 1 if a ratio is out of bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", default=",".join(CHAINS))
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--one", action="store_true", help="in this process")
    options = parser.parse_args()
    chains, sizes = options.chains.split(","), options.sizes.split(",")
    if options.one:
        print(*measure(chains[0], sizes[0]))
        return 0
    ratios = [ratio for size in sizes for ratio in print_table(size, chains)]
    return int(not all(LEAST <= ratio <= MOST for ratio in ratios))


def print_table(size: str, chains: list[str]) -> Iterator[float]:
    """Print the table of one size; the ratio of each chain."""
    *matrix, n_echoes, n_coils = size.split("x")
    print(f"\n## {' × '.join(matrix)} voxels, {n_echoes} echoes, {n_coils} channels\n")
    print("| chain | stated [MiB] | peak [MiB] | stated / peak |\n|---|--:|--:|--:|")
    for chain in chains:
        words = [sys.executable, "-W", "ignore", __file__, "--one", "--chains", chain]
        done = subprocess.run(
            [*words, "--sizes", size], check=True, stdout=subprocess.PIPE, text=True
        )
        stated, peak = map(float, done.stdout.split()[-2:])
        print(f"| `{chain}` | {stated:.0f} | {peak:.0f} | {stated / peak:.2f} |", flush=True)
        yield stated / peak


def measure(chain: str, size: str) -> tuple[float, float]:
    """Run one scan: what it said that the process will need, and what that held [MiB]."""
    nz, ny, nx, n_echoes, n_coils = map(int, size.split("x"))
    scan = list(_scan((nz, ny, nx), 1 if chain == _OF_ONE_ECHO else n_echoes, n_coils))
    if chain.endswith(_OF_IMAGES):
        scan = _images(scan)
    held = sum(m.data.nbytes for m in scan if isinstance(m, Acquisitions | Waveform | Image)) / _MIB
    warm()
    give_back_freed()  # by what has made the scan
    _CLEAR.write_text("5")  # the peak so far is forgotten
    texts: list[str] = []
    with tempfile.TemporaryDirectory() as storage:
        (Path(storage) / "destinations.toml").write_text(_DESTINATION)
        running = build_chain(find_chain_file(chain), REGISTRY, Context(storage=Path(storage)))
        running.run(scan, lambda item: texts.append(str(item)) if hasattr(item, "level") else None)
    (stated,) = re.findall(r"memory: about ([\d.]+) GiB", "\n".join(texts))
    return 1024 * float(stated) - held, _peak_mib() - held


def _scan(matrix: tuple[int, int, int], n_echoes: int, n_coils: int) -> Iterator[Message]:
    te_s = tuple(0.005 + 0.006 * n for n in range(n_echoes))
    voxel_mm = (2.0, 220 / matrix[1], 220 / matrix[2])
    yield from simulate(
        Scene("a head", matrix=matrix, voxel_mm=voxel_mm, te_s=te_s, n_coils=n_coils)
    ).messages()


def _images(scan: list[Message]) -> list[Message]:
    """Magnitude and phase of every echo, as the service itself gives them."""
    made: list[object] = []
    build_chain(find_chain_file("gre_recon"), REGISTRY).run(scan, made.append)
    series = ImageSeries()
    sent = (image for item in made for image in series.sent(item, (Image,)))
    return [next(message for message in scan if isinstance(message, Header)), *sent]


def _peak_mib() -> float:
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    return int(found) / 1024


if __name__ == "__main__":
    np.seterr(all="ignore")
    sys.exit(main())
