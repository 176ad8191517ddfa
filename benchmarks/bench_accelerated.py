"""What is left to do after the last line of an accelerated scan, and the memory that it takes.

R = 2 x 2, shifted, partitions in order, 24 x 24 embedded calibration lines, 16 coils compressed to
eight. Lines come slower than they are worked on, as from a scanner. They are random numbers: time
and memory do not depend on them. Prints the processor time after the last line over that of the
whole reconstruction, what it was spent on, and the peak of memory over the filled grid of virtual
coils.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from typing import Self

import numpy as np
import psutil
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.lines.line_headers import imaging_heads, noise_heads
from streamrecon_simulator.lines.order import line_order
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scene import Scene

from streamrecon.mrd.wire.messages import Acquisitions, Header
from streamrecon.stream.chainfile.build import build_chain

COILS, CHANNELS, LINES_AT_ONCE = 16, 8, 128
CHAIN = f"""<configuration><version>2</version><stream>
<gadget><name>WhitenNoise</name></gadget>
<gadget><name>CompressCoils</name><property name="channels" value="{CHANNELS}"/></gadget>
<gadget><name>AssembleKSpace</name></gadget>
<gadget><name>CombineCoils</name></gadget>
<gadget><name>EchoImages</name></gadget></stream></configuration>"""


class Scan:
    """Messages of a scan, and how much processor time was spent when the last line was given."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._heads = imaging_heads(scene, line_order(scene))
        random = np.random.default_rng(0)
        shape = (LINES_AT_ONCE, COILS, scene.encoded_matrix[2])
        self._lines = random.standard_normal((*shape, 2), np.float32).view(np.complex64)[..., 0]
        self.spent_s = 0.0

    def messages(self) -> Iterator[Header | Acquisitions]:
        """Header, noise, lines; the last ones once all work on those before is done."""
        yield Header(header_xml(self._scene))
        yield _acquisitions(
            noise_heads(self._scene), self._lines[:, :, : self._scene.noise_samples]
        )
        for start in range(0, len(self._heads), LINES_AT_ONCE):
            if start + LINES_AT_ONCE >= len(self._heads):
                _rest()
                self.spent_s = time.process_time()
            yield _acquisitions(self._heads[start : start + LINES_AT_ONCE], self._lines)


def main() -> None:
    """Reconstruct twice, the second time with kernels at hand, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--matrix", type=int, nargs=3, default=(96, 192, 192), help="z y x")
    parser.add_argument("--echoes", type=int, default=4)
    options = parser.parse_args()
    z, y, x = options.matrix
    scene = Scene(
        "accelerated", matrix=(z, y, x), voxel_mm=(163 / z, 211 / y, 192 / x), n_coils=COILS,
        te_s=tuple(0.005 + 0.005 * echo for echo in range(options.echoes)),
        sampling=Sampling((2, 2), caipi_shift=1), noise_lines=LINES_AT_ONCE,
    )  # fmt: skip
    filled = options.echoes * CHANNELS * z * y * x * 8
    for turn in ("first scan", "second scan"):
        scan, chain = Scan(scene), build_chain(CHAIN, REGISTRY)
        with Peak() as memory:
            before = time.process_time()
            chain.run(scan.messages(), lambda _: None)
            after = time.process_time()
        whole, left = after - before, after - scan.spent_s
        print(f"{turn}: processor time {whole:.1f} s, after the last line {left:.1f} s:")
        print(f"  {left / whole:.0%} of the whole; memory {memory.most / filled:.2f} of the filled")
        print(f"  grid of {filled / 1e6:.0f} MB, beside what the program held before")


class Peak:
    """Most memory that this process held while it was watched, less what it held before [bytes]."""

    def __enter__(self) -> Self:
        self._own, self._stop = psutil.Process(), threading.Event()
        self._before = self.most = self._own.memory_full_info().uss
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.most -= self._before

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.most = max(self.most, self._own.memory_full_info().uss)


def _acquisitions(heads: np.ndarray, lines: np.ndarray) -> Acquisitions:
    data = lines[: len(heads)].copy()
    return Acquisitions(heads, data, np.empty((len(heads), data.shape[2], 0), np.float32))


def _rest() -> None:
    """Until nothing computes any more."""
    before = -1.0
    while time.process_time() - before > 0.05:
        before = time.process_time()
        time.sleep(0.3)


if __name__ == "__main__":
    main()
