"""Scans as files: MRD in HDF5 or as a plain stream, with the truth beside them."""

from __future__ import annotations

import itertools
from pathlib import Path

from simulator.scan import Simulation, simulate
from simulator.scene import Scene
from simulator.scenes import SCENES
from simulator.truth import truth
from streamrecon.mrd.file_writer import FileWriter
from streamrecon.mrd.messages import Close
from streamrecon.mrd.stream import write_stream


def write_scan(simulation: Simulation, path: Path) -> None:
    """Write an MRD HDF5 file, group ``dataset``."""
    with FileWriter(path) as file:
        for message in simulation.messages():
            file.write(message)


def write_scan_stream(simulation: Simulation, path: Path) -> None:
    """Write the same bytes that go over a socket after the config: header, lines, CLOSE."""
    with path.open("wb") as target:
        write_stream(itertools.chain(simulation.messages(), [Close()]), target)


def write_truth(scene: Scene, path: Path) -> Path:
    """Write the truth of a scan file beside it, ``NAME.truth.npz``, and return its path."""
    beside = path.with_suffix(".truth.npz")
    truth(scene).save(beside)
    return beside


def demo_scan(path: Path) -> None:
    """Write the scan of ``make demo`` with its truth: the scene ``head``, 130 MB."""
    write_scan(simulate(SCENES["head"]), path)
    write_truth(SCENES["head"], path)
