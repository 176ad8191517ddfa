"""COSMOS and the susceptibility tensor from raw scans of a head in several positions.

    python benchmarks/bench_orientations.py FOLDER [cosmos] [sti] [aside] [sti-aside] [fields] |
      python scripts/fill_tables.py docs/measurements/orientations.md --some

A head of balls is turned, scanned (k-space, four coils, noise), reconstructed by `streamrecon
replay --config gre_qsm`, and given to `streamrecon analyze`: the command registers it. The truth is
that of the simulator. `aside` and `sti-aside` are other heads, on which nothing was chosen: their
tissue has sources of ±30 ppb, and air and bone lie around them. `fields` has the local fields of
these two in closed form, with motions that are known. What is in FOLDER already is not made again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
from _tilted_heads import (
    AROUND,
    ASIDE,
    FIBROUS,
    FIBROUS_ASIDE,
    GRID,
    ISOTROPIC,
    SPREAD_PPM,
    Balls,
    Tilts,
    alone,
    directions,
    head_of,
    labelled,
    places,
    positions,
)
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from streamrecon_simulator.phantoms.phantom import Phantom, properties_at, turned
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.write import write_scan

from streamrecon.analysis.positions.cosmos import least_squares_cosmos
from streamrecon.analysis.positions.susceptibility_tensor import guided_tensor
from streamrecon.analysis.positions.tilted_fields import MovedField, moved_fields
from streamrecon.cli import main as streamrecon
from streamrecon.commands.study_inputs.tilted_scans import tilted_scans
from streamrecon.model.geometry import Geometry
from streamrecon.output.nifti import write_nifti
from streamrecon.output.ras import in_ras
from streamrecon.output.readings.label_map import read_labels
from streamrecon.output.readings.map_folder import read_map_folder

CHAIN = str(Path(__file__).parents[1] / "config" / "gre_qsm.xml")
FIELDS = ("b0_hz", "b0_sd", "mask")
COSMOS_TILTS = (("x", 0), ("x", 25), ("x", -25), ("y", 25), ("y", -25))
STI_TILTS = (("x", 0), ("x", 25), ("y", -25), ("xy", (-20, 20)))
STI_ASIDE_TILTS = (("x", 0), ("x", -24), ("y", 22), ("xy", (20, -18)))
OFF_DEG = 3.0


def main() -> None:
    """Print the tables that are asked for."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2:] or ["cosmos", "sti"]
    aside = head_of(ASIDE, seed=11, spread_ppm=SPREAD_PPM, around=AROUND)
    fibrous_aside = head_of(FIBROUS_ASIDE, seed=23, spread_ppm=SPREAD_PPM, around=AROUND)
    if "cosmos" in wanted:
        cosmos(folder / "cosmos", ISOTROPIC, head_of(ISOTROPIC))
    if "aside" in wanted:
        cosmos(folder / "aside", ASIDE, aside)
    if "sti" in wanted:
        sti(folder / "sti", FIBROUS, head_of(FIBROUS), STI_TILTS)
    if "sti-aside" in wanted:
        sti(folder / "sti-aside", FIBROUS_ASIDE, fibrous_aside, STI_ASIDE_TILTS)
    if "fields" in wanted:
        cosmos_of_fields(folder / "fields", ASIDE, alone(aside))
        sti_of_fields(folder / "fields", FIBROUS_ASIDE, alone(fibrous_aside), STI_ASIDE_TILTS)


def cosmos(folder: Path, balls: Balls, head: Phantom) -> None:
    """χ of balls from five positions, and with directions of B0 that are 3° off."""
    scans = scanned(folder, head, COSMOS_TILTS)
    first = read_map_folder(scans[0])
    labels = labelled(folder, balls, head, first.geometry)
    out = folder / "out"
    quietly(["analyze", "cosmos", *map(str, scans), "--labels", str(labels), "-o", str(out)])
    means = values(out, "mean_chi")
    condition = values(out, "condition")["orientations"]
    table(f"COSMOS from raw scans, {folder.name}: condition {condition:.1f}")
    for name, part in balls.items():
        tell(name, means[name] - means["between"], 1e3 * part.tissue.chi_ppm)
    chi = least_squares_cosmos(bent(tilted_scans(first, scans[1:]).fields)).chi_ppm
    tell_balls(balls, core_means(chi, labels, first.geometry), f", each b {OFF_DEG:g}° off")


def cosmos_of_fields(folder: Path, balls: Balls, head: Phantom) -> None:
    """The same from local fields, with the error of the whole map."""
    fields = moved_fields(positions(head, COSMOS_TILTS, noise_ppm=0.002))
    labels = labelled(folder / "cosmos", balls, head, GRID)
    true = properties_at(head, np.moveaxis(places(GRID), -1, 0)).chi_ppm
    table("COSMOS from local fields in closed form, 2 ppb of noise")
    for words, given in (("", fields), (f", each b {OFF_DEG:g}° off", bent(fields))):
        found = least_squares_cosmos(given)
        tell_balls(balls, core_means(found.chi_ppm, labels, GRID), words)
        right = true[found.mask] - true[found.mask].mean()
        wrong = np.linalg.norm(found.chi_ppm[found.mask] - right) / np.linalg.norm(right)
        print(f"| NRMSE{words} | | {100 * wrong:.1f} % | |", flush=True)


def bent(fields: Sequence[MovedField]) -> list[MovedField]:
    """Fields whose b is 3° off, each in a direction of its own, but for the first."""
    random = np.random.default_rng(5)
    found = [fields[0]]
    for field in fields[1:]:
        around = random.uniform(0, 2 * np.pi)
        axis = np.array([np.cos(around), np.sin(around), 0.0])  # across B0
        off = Rotation.from_rotvec(OFF_DEG * axis, degrees=True).as_matrix()
        axes = field.turned.axes_lps @ off
        found.append(replace(field, turned=replace(field.turned, axes_lps=axes)))
    return found


def sti(folder: Path, balls: Balls, head: Phantom, tilts: Tilts) -> None:
    """MMS and MSA of balls of fibres from four positions."""
    scans = scanned(folder, head, tilts)
    grid = read_map_folder(scans[0]).geometry
    labels = labelled(folder, balls, head, grid)
    write_directions(folder, balls, grid)
    quietly([
        "analyze", "sti", *map(str, scans), "--v1", str(folder / "v1.nii.gz"),
        "--fa", str(folder / "fa.nii.gz"), "--vectors", "mrtrix", "--labels", str(labels),
        "-o", str(folder / "out"),
    ])  # fmt: skip
    mms, msa = (values(folder / "out", name) for name in ("mms", "msa"))
    condition = values(folder / "out", "condition")["orientations"]
    table(f"tensor from raw scans, {folder.name}: condition {condition:.1f}")
    tell_tensor(balls, {name: mms[name] - mms["between"] for name in balls}, msa)


def sti_of_fields(folder: Path, balls: Balls, head: Phantom, tilts: Tilts) -> None:
    """The same from local fields."""
    fields = moved_fields(positions(head, tilts, noise_ppm=0.001))
    labels = labelled(folder / "sti", balls, head, GRID)
    along, fibres = directions(balls, GRID)
    found = guided_tensor(fields, along, fibres)
    mms, msa = (core_means(chi, labels, GRID) for chi in (found.mms_ppm, found.msa_ppm))
    table("tensor from local fields in closed form, 1 ppb of noise")
    own = {name: mms[n] - mms[len(balls) + 1] for n, name in enumerate(balls, start=1)}
    tell_tensor(balls, own, {name: msa[n] for n, name in enumerate(balls, start=1)})


def scanned(folder: Path, head: Phantom, tilts: Tilts) -> list[Path]:
    """Folder of maps of each position."""
    found = []
    for number, (axis, degrees) in enumerate(tilts):
        maps = folder / f"position{number}"
        if not maps.is_dir():
            raw = folder / f"position{number}.h5"
            raw.parent.mkdir(parents=True, exist_ok=True)
            rotation = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
            write_scan(simulate(scene_of(turned(head, rotation), number)), raw)
            chosen = [word for name in FIELDS for word in ("--set", f"FieldImages.{name}=true")]
            quietly([
                "replay", str(raw), "--config", CHAIN, *chosen, "--format", "nifti",
                "-o", str(folder),
            ])  # fmt: skip
        found.append(maps)
    return found


def scene_of(phantom: Phantom, seed: int) -> Scene:
    """A scan of it: 2.5 mm, four echoes, four coils, noise."""
    return replace(
        SCENES["head"], phantom=phantom, matrix=(54, 56, 54), voxel_mm=(2.5, 2.5, 2.5),
        n_coils=4, snr=80.0, seed=seed, te_s=(0.005, 0.0103, 0.0156, 0.0209),
    )  # fmt: skip


def write_directions(folder: Path, balls: Balls, grid: Geometry) -> None:
    """V1 (RAS) and FA as a diffusion program would have them."""
    along, fibres = directions(balls, grid)
    fa = np.where(fibres, np.float32(0.6), np.float32(0))
    write_nifti(folder / "fa.nii.gz", fa, grid)
    _, affine = in_ras(fa, grid)
    v1 = (along * (-1, -1, 1)).astype(np.float32)
    nibabel.Nifti1Image(v1.transpose(2, 1, 0, 3), affine).to_filename(folder / "v1.nii.gz")


def values(folder: Path, name: str) -> dict[str, float]:
    """Values of a name by their subjects."""
    report = json.loads((folder / "analysis.json").read_bytes())
    rows = [value for reading in report["readings"] for value in reading["values"]]
    return {row["subject"]: row["number"] for row in rows if row["name"] == name}


def quietly(words: list[str]) -> None:
    """A command of streamrecon, without its paths among the tables."""
    with redirect_stdout(sys.stderr):
        streamrecon(words)


def core_means(chi_ppm: NDArray[np.floating], labels: Path, grid: Geometry) -> dict[int, float]:
    """Mean of every label [ppb]."""
    numbers = read_labels(labels, grid).numbers
    return {n: 1e3 * float(chi_ppm[numbers == n].mean()) for n in range(1, int(numbers.max()) + 1)}


def table(title: str) -> None:
    """Begin a table [ppb]."""
    print(f"\n### {title}\n\n| | true [ppb] | found [ppb] | off |\n|---|---|---|---|")


def tell_balls(balls: Balls, means: Mapping[int, float], words: str) -> None:
    """A line for each ball, against what is between them."""
    for number, (name, part) in enumerate(balls.items(), start=1):
        tell(name + words, means[number] - means[len(balls) + 1], 1e3 * part.tissue.chi_ppm)


def tell_tensor(balls: Balls, mms: Mapping[str, float], msa: Mapping[str, float]) -> None:
    """A line for each ball's mean, each tract's anisotropy, and the mean of these."""
    fibres = {name: p.anisotropy for name, p in balls.items() if p.anisotropy is not None}
    for name, part in balls.items():
        tell(f"{name}, MMS", mms[name], 1e3 * part.tissue.chi_ppm)
    for name, given in fibres.items():
        tell(f"{name}, MSA", msa[name], 1e3 * given.msa_ppm)
    true = float(np.mean([1e3 * given.msa_ppm for given in fibres.values()]))
    tell("mean of the tracts, MSA", float(np.mean([msa[name] for name in fibres])), true)


def tell(name: str, found: float, true: float) -> None:
    """A line of the table [ppb]."""
    off = f"{found - true:+.1f} ppb, {100 * (found / true - 1):+.1f} %"
    print(f"| {name} | {true:.1f} | {found:.1f} | {off} |", flush=True)


if __name__ == "__main__":
    main()
