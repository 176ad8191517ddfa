"""Our DICOM files and those of python-ismrmrd-server's converter, from the same images.

    git clone https://github.com/kspaceKelvin/python-ismrmrd-server
    python scripts/compare_mrd2dicom.py python-ismrmrd-server/mrd2dicom.py [--output DIR]

A marker is simulated in oblique 2-D slices (the converter takes no 3-D images), reconstructed once,
and written twice. Printed for either: errors of dciodvfy (Debian's dicom3tools), and how far from
its true place the files say the marker is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.phantoms.phantom import MARKER
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Orientation, Scene

from streamrecon.console import Watch
from streamrecon.mrd.wire.messages import DicomFile, Header, Image
from streamrecon.output.formats import ScanResults, write_harvest
from streamrecon.replay import run_scan
from streamrecon.stream.chainfile.build import build_chain

SCENE = Scene(
    "marker",
    phantom=MARKER,
    matrix=(20, 28, 24),
    voxel_mm=(3.0, 2.5, 2.0),
    supersampling=3,
    slices=True,
    orientation=Orientation.SAGITTAL,
    tilt_deg=(20.0, -10.0),
    centre_lps_mm=(9.0, -5.0, 4.0),
    te_s=(0.005,),
    n_coils=2,
    snr=float("inf"),
    noise_lines=0,
)
GADGETS = (
    *("WhitenNoise", "AssembleKSpace", "CombineCoils", "EchoImages", "SendDicom"),
    *("AutoScale", "FloatToUShort"),  # the converter takes whole numbers
)
CHAIN = "".join(f"<gadget><name>{name}</name></gadget>" for name in GADGETS)


def reconstructed() -> ScanResults:
    """Images, and our DICOM files of them."""
    messages = list(simulate(SCENE).messages())
    header = next(message for message in messages if isinstance(message, Header))
    results: list[object] = []
    xml = f"<configuration><version>2</version><stream>{CHAIN}</stream></configuration>"
    with Watch("marker", live=False) as watch:
        run_scan(messages, build_chain(xml, REGISTRY), give=results.append, watch=watch)
    sent = [item for item in results if isinstance(item, Image | DicomFile)]
    return ScanResults.of(header.xml, sent)


def errors(files: Sequence[Path]) -> int:
    """Errors that dciodvfy finds in all files."""
    found = 0
    for file in files:
        run = subprocess.run(["dciodvfy", file], capture_output=True, text=True, check=False)
        found += run.returncode < 0  # it gave up on the file
        found += sum(line.startswith("Error") for line in (run.stdout + run.stderr).splitlines())
    return found


def centre_lps_mm(images: Sequence[Dataset]) -> np.ndarray:
    """Where the files say that the middle of what shines is, weighted by its square."""
    total, moment = 0.0, np.zeros(3)
    for image in images:
        weights = image.pixel_array.astype(float) ** 2
        rows, columns = np.indices(weights.shape)
        orientation = np.array(image.ImageOrientationPatient, float)
        between_rows, between_columns = map(float, image.PixelSpacing)
        corner = np.array(image.ImagePositionPatient, float)
        total += weights.sum()
        moment += weights.sum() * corner
        moment += orientation[:3] * between_columns * (weights * columns).sum()
        moment += orientation[3:] * between_rows * (weights * rows).sum()
    return moment / total


def report(name: str, files: Sequence[Path]) -> None:
    """One line of the comparison."""
    images = [dcmread(file) for file in files]
    magnitudes = [image for image in images if "M" in image.ImageType]
    truth = np.array(MARKER.parts[0].shape.centre_mm)
    away = float(np.linalg.norm(centre_lps_mm(magnitudes) - truth))
    print(
        f"{name:12s} {len(files):4d} files {errors(files):6d} errors   marker {away:6.2f} mm away"
    )


def main() -> None:
    """Write both, print both."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("converter", type=Path, help="path of mrd2dicom.py")
    parser.add_argument("--output", type=Path, help="keep the files here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.output or Path(scratch)
        harvest = reconstructed()
        write_harvest(harvest, folder / "ours", ["dicom", "mrd"])
        (mrd,) = (folder / "ours").glob("*.h5")
        theirs = [sys.executable, options.converter, mrd, "-o", folder / "theirs"]
        subprocess.run(theirs, check=True, stdout=subprocess.DEVNULL)
        report("streamrecon", sorted((folder / "ours").rglob("*.dcm")))
        report("mrd2dicom", sorted((folder / "theirs").rglob("*.dcm")))


if __name__ == "__main__":
    main()
