"""What readings say of two real scans of brains, a crop and a slice; nothing is claimed of either.

    python benchmarks/bench_readings_real.py SHARED

``SHARED`` holds ``romeo-crop`` (three echoes in vivo, 24 x 24 x 41 mm, no air) and ``raw-siemens``
(one slice of raw lines, one echo, 16 coils). The crop is read as its phase stands and with its sign
turned, by the commands; the slice by the chain ``gre_readings``.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from streamrecon.cli import main as command
from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.model.outputs.quantities import Quantity

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "output"))
from map_files import write_map

REPOSITORY = Path(__file__).parents[1]
ANALYSES = ("qc", "lesions", "veins", "oximetry", "sources")
WANTED = {
    "FieldImages.local_field": "true",
    "FieldImages.b0_sd": "true",
    "InvertField.uncertainty": "true",
    "FindVeins.anywhere": "true",
}


def streamrecon(words: list[str]) -> None:
    """Run a command without the names of its files."""
    with redirect_stdout(io.StringIO()):
        command(words)


def read_crop(folder: Path, out: Path, sign: str) -> None:
    """Maps of the crop, then every analysis of them."""
    files = ["--phase", str(folder / "Phase.nii"), "--mag", str(folder / "Mag.nii")]
    scan = ["--te", "4", "8", "12", "--b0", "7", "--sign", sign]
    sets = [word for name, value in WANTED.items() for word in ("--set", f"{name}={value}")]
    chain = ["--config", str(REPOSITORY / "config" / "gre_full_images.xml")]
    streamrecon(["maps", *files, *scan, *chain, *sets, "-o", str(out / "maps")])
    made = max((out / "maps").rglob("*_Chimap.json"), key=lambda path: len(path.parts)).parent
    write_echoes(folder, made, int(sign))
    for analysis in ANALYSES:
        streamrecon(["analyze", analysis, str(made), "-o", str(out / "read")])
    tell(f"crop, phase sign {sign}", out / "read" / "analysis.json")


def write_echoes(folder: Path, made: Path, sign: int) -> None:
    """Magnitudes and phases beside the maps, where the analyses look for them."""
    files = read_echo_files(
        [folder / "Phase.nii"], [folder / "Mag.nii"], te=["4", "8", "12"], b0_t=7.0
    )
    turn = np.float32(2 * np.pi / (files.phase.max() - files.phase.min()))
    for echo, te_s in enumerate(files.te_s):
        facts = {"EchoTime": te_s, "MagneticFieldStrength": 7.0}
        for quantity, values in (
            (Quantity.MAGNITUDE, files.magnitude[echo]),
            (Quantity.PHASE, sign * turn * files.phase[echo]),
        ):
            name = f"crop_echo-{echo + 1}_{quantity.label}"
            write_map(made, name, quantity, np.asarray(values, np.float32), files.geometry, **facts)


def read_slice(file: Path, out: Path) -> None:
    """The slice through the chain of readings."""
    chain = ["--config", str(REPOSITORY / "config" / "gre_readings.xml")]
    streamrecon(["replay", str(file), *chain, "--format", "nifti", "-o", str(out)])
    (report,) = out.rglob("analysis.json")
    tell("slice", report)


def tell(title: str, report: Path) -> None:
    """Outcome, light and reasons of every reading, and the numbers of those that have few."""
    for reading in json.loads(report.read_text(encoding="utf-8"))["readings"]:
        light = f", {reading['light']}" if reading["light"] else ""
        said = "; ".join(reading["reasons"])
        print(f"{title}: {reading['kind']} {reading['outcome']}{light}: {said}", flush=True)
        for value in reading["values"][:40]:
            doubts = "; ".join([value["quality"], *value["flags"]])
            print(f"    {value['subject']}, {value['name']}: {value['number']} {value['unit']} "
                  f"{doubts}")  # fmt: skip


def main() -> int:
    """Read both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    shared = parser.parse_args().shared
    with TemporaryDirectory() as name:
        for sign in ("+1", "-1"):
            read_crop(shared / "romeo-crop", Path(name) / f"crop{sign}", sign)
        read_slice(shared / "raw-siemens" / "brain3T_gre_te12p4_16ch.h5", Path(name) / "slice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
