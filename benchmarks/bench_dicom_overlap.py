"""How long after its last image a session's DICOM is complete, in parts of the session.

    python benchmarks/bench_dicom_overlap.py [--matrix Z Y X]

A simulated scan of five echoes goes through a chain of echo images, susceptibility and R2*, as fast
as the chain takes it; every image is spooled as it is made. Target: the last file is on the disk at
most 10 % of the session's time after the last image exists.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.dicom.delivery.spool import Spool
from streamrecon.model.images import Volume
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context, Gadget
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.chain import Chain

CHAIN = Path(__file__).parents[1] / "config" / "gre_full.xml"
DESTINATION = '[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = 9\n'
MADE_AT: list[float] = []


class NoteTime(Gadget[Volume]):
    """Notes when each image came to be."""

    accepts: ClassVar = (Volume,)

    def feed(self, item: Volume) -> Iterator[Volume]:
        """Let it pass."""
        MADE_AT.append(time.perf_counter())
        yield item


def chain(storage: Path) -> Chain:
    """The packaged chain, with the clock and the spool behind it."""
    stages = "".join(f"<gadget><name>{name}</name></gadget>" for name in ("NoteTime", "SpoolDicom"))
    head, behind, tail = CHAIN.read_text().rpartition("</parallel>")
    registry = Registry((*REGISTRY.gadgets, NoteTime))
    return build_chain(f"{head}{behind}{stages}{tail}", registry, Context(storage=storage))


def main() -> None:
    """Print the part of the session that DICOM takes after the last image."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--matrix", type=int, nargs=3, default=(48, 96, 96), metavar=("Z", "Y", "X")
    )
    options = parser.parse_args()
    te_s = (0.004, 0.010, 0.016, 0.022, 0.028)
    scene = Scene("head", matrix=tuple(options.matrix), te_s=te_s, n_coils=4)
    messages = list(simulate(scene).messages())
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder)
        (storage / "destinations.toml").write_text(DESTINATION)
        for _ in range(2):  # the first compiles
            MADE_AT.clear()
            start = time.perf_counter()
            chain(storage).run(messages, lambda _: None)
            end = time.perf_counter()
        with Spool(storage / "spool") as spool:
            n_images = sum(tally.count for tally in spool.tallies()) // 2
    after = (end - MADE_AT[-1]) / (end - start)
    print(f"{n_images} images of {len(MADE_AT)} volumes")
    print(f"  last file after last image, of the session (at most 10 %)   {100 * after:6.2f} %")


if __name__ == "__main__":
    main()
