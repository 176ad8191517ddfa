"""Scans as files: MRD in HDF5 or as a plain stream, with the truth beside them."""

from __future__ import annotations

import itertools
from pathlib import Path

from streamrecon.mrd.files.hdf5_writer import FileWriter
from streamrecon.mrd.files.plain_stream import write_stream
from streamrecon.mrd.wire.messages import Close
from streamrecon.storage.atomic_file import whole
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import Simulation, simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth


def write_scan(simulation: Simulation, path: Path) -> None:
    """Write an MRD HDF5 file, group ``dataset``."""
    with whole(path) as scratch, FileWriter(scratch) as file:
        for message in simulation.messages():
            file.write(message)


def write_scan_stream(simulation: Simulation, path: Path) -> None:
    """Write the same bytes that go over a socket after the config: header, lines, CLOSE."""
    with whole(path) as scratch, scratch.open("wb") as target:
        write_stream(itertools.chain(simulation.messages(), [Close()]), target)


def write_truth(scene: Scene, path: Path) -> tuple[Path, ...]:
    """Write the truth of a scan file beside it, ``NAME.truth.npz``, and return its path.

    Several slabs have a file each, ``NAME.slab-<n>.truth.npz``.
    """
    slabs = scene.slab_scenes()
    names = [f".slab-{n}.truth.npz" for n in range(len(slabs))]
    paths = tuple(path.with_suffix(name if len(slabs) > 1 else ".truth.npz") for name in names)
    for slab, beside in zip(slabs, paths, strict=True):
        truth(slab).save(beside)
    return paths


def demo_scan(path: Path) -> None:
    """Write the scan of ``make demo``, without its truth: the scene ``demo``, 500 MB."""
    write_scan(simulate(SCENES["demo"]), path)
