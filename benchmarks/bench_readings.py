"""Cost of all inline readings behind the maps, and what they take from the images.

    python benchmarks/bench_readings.py [--small]

A whole head with lesions, 192 x 192 x 96, 5 echoes (half of that along each axis with ``--small``),
through ``gre_readings`` with every reading that needs no earlier visit, labels of nuclei and
lesions pushed. CPU seconds are those of this process, which another load of the machine changes
little; the wall's hold on a quiet machine only. The last image is timed in the clock of the CPU,
without and with readings.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.scan import Simulation, simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.selftest.scans import RIM, scans
from streamrecon_simulator.truth import voxel_centres
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.tissues import Label
from streamrecon_simulator.whole_head.voxel_means import voxel_means

from streamrecon.model.images import Volume
from streamrecon.model.notice import Notice
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings import of_chain
from streamrecon.output.readings.chain_scan import ChainScan
from streamrecon.output.readings.of_chain import MadeReading, Reader
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

_CHAIN = Path(__file__).parents[1] / "config" / "gre_readings.xml"
_NUCLEI = {Label.CAUDATE: "caudate", Label.PUTAMEN: "putamen", Label.PALLIDUM: "pallidum"}


def main() -> None:
    """Print a row for each reading, their sum, and the time of the last image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    seconds = _timed_readers()
    _both(_scene(small=True))  # compiles and plans
    seconds.clear()
    without, with_them, texts = _both(_scene(small=options.small))
    print("| reading | CPU s | wall s |\n|---|---|---|")
    for kind, (cpu_s, wall_s) in seconds.items():
        print(f"| {kind} | {cpu_s:.1f} | {wall_s:.1f} |")
    print("| all | {:.1f} | {:.1f} |".format(*map(sum, zip(*seconds.values(), strict=True))))
    print(f"\nlast image after {without:.1f} s without readings, {with_them:.1f} s with them")
    print("\n".join(texts))


def _both(scene: Scene) -> tuple[float, float, list[str]]:
    """CPU seconds until the last image without and with readings, and what they said."""
    simulation = simulate(scene)
    wanted = {
        "readings": ",".join(set(of_chain.READERS) - {"change"}), "labels": "nuclei.nii.gz",
        "lesion_mask": "ms.nii.gz", "haematocrit": "0.42", "seconds": "10000",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        _push(scene, Path(folder))
        without, _ = run(simulation, Path(folder), {"readings": ""})
        with_them, texts = run(simulation, Path(folder), wanted)
    return without, with_them, texts


def run(
    simulation: Simulation, storage: Path, parameters: Mapping[str, str]
) -> tuple[float, list[str]]:
    """CPU seconds until the last image, and what was said of the readings."""
    overrides = {f"MakeReadings.{name}": value for name, value in parameters.items()}
    context = Context(storage=storage)
    chain = build_chain(_CHAIN.read_bytes(), REGISTRY, context, overrides=overrides)
    images, texts = [0.0], []
    began = time.process_time()

    def note(item: object) -> None:
        if isinstance(item, Volume):
            images.append(time.process_time() - began)
        if isinstance(item, Notice) and "research use" in item.text:
            texts.append(item.text[:150])

    chain.run(simulation.messages(), note)
    return images[-1], texts


def _timed_readers() -> dict[str, tuple[float, float]]:
    """Have every reader note its seconds, of the CPU and of the wall."""
    seconds: dict[str, tuple[float, float]] = {}

    def timed(kind: str, reader: Reader) -> Reader:
        def read(scan: ChainScan, left_s: float) -> MadeReading:
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            try:
                return reader(scan, left_s)
            finally:
                seconds[kind] = time.process_time() - cpu_s, time.perf_counter() - wall_s

        return read

    readers = of_chain.READERS
    assert isinstance(readers, dict)
    for kind, reader in list(readers.items()):
        readers[kind] = timed(kind, reader)
    return seconds


def _scene(*, small: bool) -> Scene:
    scene = scans()[0].scene
    assert isinstance(scene.phantom, WholeHead)
    factor = 2 if small else 1
    return replace(
        scene,
        phantom=replace(scene.phantom, grain_mm=2.0 if small else 1.0),
        matrix=(96 // factor, 192 // factor, 192 // factor),
        voxel_mm=(1.5 * factor, 1.06 * factor, 0.92 * factor),
        te_s=(0.004, 0.009, 0.014, 0.019, 0.024),
        n_coils=2,
        supersampling=1,
    )


def _push(scene: Scene, storage: Path) -> None:
    """Labels and lesions, as a site would have drawn them."""
    assert isinstance(scene.phantom, WholeHead)
    labels = voxel_means(scene.phantom, scene.geometry).labels
    numbers = np.where(np.isin(labels, list(_NUCLEI)), labels, 0).astype(np.int16)
    write_nifti(storage / "labels" / "nuclei.nii.gz", numbers, scene.geometry)
    names = "".join(f"{int(label)}\t{name}\n" for label, name in _NUCLEI.items())
    (storage / "labels" / "nuclei.tsv").write_text(f"index\tname\n{names}", encoding="utf-8")
    away = voxel_centres(scene.geometry) - np.reshape(RIM.centre_mm, (3, 1, 1, 1))
    lesion = (away**2).sum(axis=0) < (RIM.diameter_mm / 2) ** 2
    write_nifti(storage / "labels" / "ms.nii.gz", lesion.astype(np.int16), scene.geometry)


if __name__ == "__main__":
    main()
