"""Memory that scans say they will need, over what their process held at its peak.

    python benchmarks/bench_memory.py [--chains gre_recon,gre_qsm] [--sizes 32x96x96x3x4]

Each scan of noise in a ball has a process of its own; a size is z × y × x × echoes × channels.
Bounds: 0.8 to 1.5.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.commands.warm_up import warm
from streamrecon.mrd.wire.messages import Message
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file

CHAINS = "default,gre_recon,gre_preview,gre_swi,gre_single_echo_swi,gre_qsm,gre_full"
SIZES = "8x32x32x3x2,24x64x64x2x2,32x96x96x3x4,20x144x160x5x2,40x128x128x4x8,60x176x192x3x3"
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_MIB = 1 << 20


def main() -> None:
    """Print a line for each chain and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", default=CHAINS)
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--one", action="store_true", help="in this process")
    options = parser.parse_args()
    pairs = [
        (chain, size) for size in options.sizes.split(",") for chain in options.chains.split(",")
    ]
    if options.one:
        measure(*pairs[0])
        return
    for chain, size in pairs:
        words = ["--one", "--chains", chain, "--sizes", size]
        subprocess.run([sys.executable, "-W", "ignore", __file__, *words], check=True)


def measure(chain: str, size: str) -> None:
    """Run one scan, and compare."""
    *matrix, n_echoes, n_coils = map(int, size.split("x"))
    n_echoes = 1 if "single" in chain else n_echoes
    scan = list(_scan(tuple(matrix), n_echoes, n_coils))
    held = sum(message.data.nbytes for message in scan if hasattr(message, "data")) / _MIB
    warm()
    _CLEAR.write_text("5")  # the peak so far is forgotten
    texts: list[str] = []
    running = build_chain(find_chain_file(chain), REGISTRY)
    running.run(scan, lambda item: texts.append(str(item)) if hasattr(item, "level") else None)
    (stated,) = re.findall(r"memory: about ([\d.]+) GiB", "\n".join(texts))
    peak = _peak_mib() - held
    needed = 1024 * float(stated) - held
    print(f"{chain:20} {size:20} stated / peak {needed / peak:.2f} ({peak:.0f} MiB)", flush=True)


def _scan(matrix: tuple[int, ...], n_echoes: int, n_coils: int) -> Iterator[Message]:
    te_s = tuple(0.005 + 0.006 * n for n in range(n_echoes))
    voxel_mm = (2.0, 220 / matrix[1], 220 / matrix[2])
    yield from simulate(
        Scene("a head", matrix=matrix, voxel_mm=voxel_mm, te_s=te_s, n_coils=n_coils)
    ).messages()


def _peak_mib() -> float:
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    return int(found) / 1024


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
