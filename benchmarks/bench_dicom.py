"""Writing DICOM in units of a bare dcmwrite, and images per second to an archive.

    python benchmarks/bench_dicom.py [--slices N] [--pairs N]

256 × 256 slices of two echoes and a susceptibility map. Targets: a written slice costs at most
twice the CPU of pydicom's own dcmwrite of the same dataset; at least 60 images a second to an
archive (Orthanc, if installed) that sets TCP_NODELAY; to one that does not, as many as parallel
associations give, which is printed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from _cost import cost_in
from pydicom.filewriter import dcmwrite

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "dicom"))
from dicom_scans import IDS, scan_of
from orthanc import Orthanc

from streamrecon.dicom.delivery.destinations import Destination
from streamrecon.dicom.delivery.sending.sender_threads import Sender
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.series import DicomScan, Images, Run
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity


def volumes(n_slices: int) -> list[Volume]:
    """Magnitude and phase of two echoes, and a susceptibility map that refers to them."""
    grid = Geometry((n_slices, 256, 256), (1.0, 0.9, 0.9), np.eye(3)[::-1])
    scan = scan_of(grid)
    numbers = np.random.default_rng(0).uniform(-0.1, 0.1, grid.shape).astype(np.float32)
    echoes = [
        Volume(np.abs(numbers) if part is Quantity.MAGNITUDE else numbers, grid, part, scan, echo=e)
        for e in range(2)
        for part in (Quantity.MAGNITUDE, Quantity.PHASE)
    ]
    return [*echoes, Volume(numbers, grid, Quantity.CHI, scan)]


def convert(items: list[Volume]) -> list[Images]:
    """All volumes as datasets."""
    dicom = DicomScan(IDS, Run())
    return [dicom.images(volume) for volume in items]


def encode(series: list[Images]) -> None:
    """Datasets as bytes, by pydicom and nothing else."""
    for images in series:
        for image in images.datasets:
            dcmwrite(BytesIO(), image, enforce_file_format=True)


def volume_to_bytes(items: list[Volume]) -> Callable[[], None]:
    """From numbers to the bytes of files."""

    def run() -> None:
        for images in convert(items):
            for image in images.datasets:
                part10(image)

    return run


def spooled(items: list[Volume], folder: Path) -> Callable[[], None]:
    """From numbers to a promise on disk."""

    def run() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        with Spool(folder) as spool:
            for images in convert(items):
                spool.add(images, ["archive"])

    return run


def rate(items: list[Volume], folder: Path, *, no_delay: bool, associations: int) -> float:
    """Images per second that arrive at Orthanc."""
    n_images = sum(volume.geometry.shape[0] for volume in items)
    folder.mkdir()
    with Orthanc(folder / "orthanc", no_delay=no_delay) as orthanc:
        archive = Destination(
            name="archive",
            host="127.0.0.1",
            port=orthanc.port,
            called="ARC",
            associations=associations,
        )
        spooled(items, folder / "spool")()
        start = time.perf_counter()
        with Sender(folder / "spool", [archive]):
            while orthanc.count() < n_images:
                time.sleep(0.02)
        return n_images / (time.perf_counter() - start)


def main() -> None:
    """Print the ratios and rates."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--slices", type=int, default=40)
    arguments.add_argument("--pairs", type=int, default=5)
    options = arguments.parse_args()
    items = volumes(options.slices)
    series = convert(items)

    def bare() -> None:
        encode(series)

    cpu = time.process_time
    print(f"{5 * options.slices} images of 256 x 256")
    to_bytes = cost_in(bare, volume_to_bytes(items), options.pairs, clock=cpu)
    print(f"  CPU: volume to bytes / bare dcmwrite (at most 2)   {to_bytes:6.2f}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        to_disk = cost_in(bare, spooled(items, folder / "spool"), options.pairs, clock=cpu)
        print(f"  CPU: volume to spool / bare dcmwrite                {to_disk:6.2f}")
        if shutil.which("Orthanc") is None:
            print("  Orthanc is not installed: no rates")
            return
        for no_delay in (True, False):
            for associations in (1, 2, 4):
                name = f"{no_delay}-{associations}"
                found = rate(items, folder / name, no_delay=no_delay, associations=associations)
                peer = "sets TCP_NODELAY" if no_delay else "does not set it"
                print(f"  archive {peer}, {associations} association(s): {found:6.0f} images/s")


if __name__ == "__main__":
    main()
