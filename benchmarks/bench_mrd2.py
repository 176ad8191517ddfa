"""The time of a chain fed by MRD 2, in units of the same chain fed by MRD 1.

    python benchmarks/bench_mrd2.py [--chains gre_recon gre_qsm] [--matrix Z Y X] [--pairs N]

The same scan as bytes of both versions goes through `streamrecon.replay.pipe` in turns, images
included, which are compared bit by bit. Reading alone is given in microseconds a line.

Targets: at most 1.15 for gre_qsm and 1.6 for gre_recon.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator
from functools import partial

from _cost import cost_in
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.model.notice import Notice
from streamrecon.mrd.files.plain_stream import read_stream, write_stream
from streamrecon.mrd.version2 import Mrd2Writer, read_mrd2
from streamrecon.mrd.wire.messages import Acquisitions, Close, Image, Message
from streamrecon.replay import pipe
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file

Read = Callable[[io.BytesIO], Iterator[Message]]
Send = Callable[[Message], None]


class Silent:
    """Watches a scan and says nothing."""

    def sent(self, lines: int, size: int) -> None:
        """Do nothing."""

    def received(self, images: int = 1) -> None:
        """Do nothing."""

    def say(self, notice: Notice) -> None:
        """Do nothing."""


def as_version_1(out: io.BytesIO) -> Send:
    """Writer of plain streams."""
    return lambda message: write_stream([message], out)


def as_version_2(out: io.BytesIO) -> Send:
    """Writer of MRD 2."""
    return Mrd2Writer(out).send


VERSIONS: dict[int, tuple[Read, Callable[[io.BytesIO], Send]]] = {
    1: (read_stream, as_version_1),
    2: (read_mrd2, as_version_2),
}


def stream_of(scene: Scene, version: int) -> bytes:
    """The scan in one of the versions."""
    out = io.BytesIO()
    send = VERSIONS[version][1](out)
    for message in (*simulate(scene).messages(), Close()):
        send(message)
    return out.getvalue()


def through(config: str, version: int, stream: bytes) -> bytes:
    """What a chain makes of a stream, as a stream."""
    read, write = VERSIONS[version]
    out = io.BytesIO()
    pipe(read(io.BytesIO(stream)), write(out), build_chain(find_chain_file(config), REGISTRY),
         Silent())  # fmt: skip
    return out.getvalue()


def pixels(version: int, output: bytes) -> list[bytes]:
    """Pixels of every image."""
    read = VERSIONS[version][0]
    return [m.data.tobytes() for m in read(io.BytesIO(output)) if isinstance(m, Image)]


def reading_us(version: int, stream: bytes) -> float:
    """Microseconds of CPU that reading alone takes a line."""
    start = time.process_time()
    read = VERSIONS[version][0]
    lines = sum(len(m) for m in read(io.BytesIO(stream)) if isinstance(m, Acquisitions))
    return 1e6 * (time.process_time() - start) / lines


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", nargs="+", default=["gre_recon", "gre_qsm"])
    parser.add_argument("--matrix", nargs=3, type=int, default=(32, 128, 128))
    parser.add_argument("--coils", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--wall", action="store_true", help="by the clock, and not by CPU")
    options = parser.parse_args()
    scene = Scene(
        "head", matrix=tuple(options.matrix), voxel_mm=(4.0, 1.8, 1.7), n_coils=options.coils,
        te_s=(0.005, 0.010, 0.015, 0.020), snr=100.0,
    )  # fmt: skip
    streams = {version: stream_of(scene, version) for version in VERSIONS}
    for version, stream in streams.items():
        print(f"reading MRD {version}: {reading_us(version, stream):.1f} µs a line")
    clock = time.perf_counter if options.wall else time.process_time
    for config in options.chains:
        one, two = (pixels(v, through(config, v, streams[v])) for v in VERSIONS)
        ratio = cost_in(
            partial(through, config, 1, streams[1]),
            partial(through, config, 2, streams[2]),
            options.pairs,
            clock=clock,
        )
        same = "the same" if one == two else "DIFFER"
        print(f"{config}: MRD 2 takes {ratio:.2f} of MRD 1; images {same}")


if __name__ == "__main__":
    main()
