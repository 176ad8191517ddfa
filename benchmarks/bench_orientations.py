"""COSMOS and the susceptibility tensor from raw scans of a head in several positions.

    python benchmarks/bench_orientations.py FOLDER [cosmos] [sti] [aside]

A head of balls is turned, scanned (k-space, four coils, noise), reconstructed by `streamrecon
replay --config gre_qsm`, and given to `streamrecon analyze`: the command registers it. The truth is
that of the simulator. `aside` is COSMOS of another head, on which nothing was chosen: its tissue
has sources of ±30 ppb, and air and bone lie around it. What is in FOLDER already is not made again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from streamrecon_simulator.phantoms.anisotropy import Anisotropy
from streamrecon_simulator.phantoms.phantom import Part, Phantom, Tissue, turned
from streamrecon_simulator.phantoms.shapes import Sphere
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.write import write_scan

from streamrecon.analysis.positions.cosmos import least_squares_cosmos
from streamrecon.cli import main as streamrecon
from streamrecon.commands.study_inputs.tilted_scans import tilted_scans
from streamrecon.model.geometry import Geometry
from streamrecon.output.nifti import write_nifti
from streamrecon.output.ras import in_ras
from streamrecon.output.readings.map_folder import read_map_folder

CHAIN = str(Path(__file__).parents[1] / "config" / "gre_qsm.xml")
FIELDS = ("b0_hz", "b0_sd", "mask")
NOTHING = Tissue(0.0, 0.0, 0.0)
HEAD_MM, CORE_MM, APART_MM, SPREAD_PPM = 50.0, 2.5, 6.0, 0.03
SIDES = (((0.0, 44.0, -26.0), 17.0), ((38.0, -34.0, 10.0), 15.0))
"""Centres and radii of what makes the head no ball: how a ball lies cannot be seen."""
COSMOS_TILTS = (("x", 0), ("x", 25), ("x", -25), ("y", 25), ("y", -25))
STI_TILTS = (("x", 0), ("x", 25), ("y", -25), ("xy", (-20, 20)))
Balls = Mapping[str, Part]

ISOTROPIC: Balls = {
    "strong": Part(Sphere((-22.0, 10.0, 8.0), 10.0), Tissue(0.7, 30.0, 0.57)),
    "nucleus": Part(Sphere((22.0, -8.0, -6.0), 10.0), Tissue(0.75, 25.0, 0.15)),
    "diamagnetic": Part(Sphere((4.0, 22.0, -22.0), 10.0), Tissue(0.75, 20.0, -0.10)),
}
ASIDE: Balls = {
    "bleed": Part(Sphere((20.0, 14.0, 12.0), 9.0), Tissue(0.6, 30.0, 0.40)),
    "nucleus": Part(Sphere((-20.0, -4.0, 14.0), 9.0), Tissue(0.75, 25.0, 0.12)),
    "calcification": Part(Sphere((-6.0, 16.0, -20.0), 9.0), Tissue(0.7, 20.0, -0.25)),
}
AROUND = (
    Part(Sphere((0.0, -58.0, -22.0), 8.0), Tissue(0.0, 0.0, 9.4)),
    Part(Sphere((-57.0, 8.0, -24.0), 7.0), Tissue(0.0, 0.0, 9.4)),
    Part(Sphere((10.0, 54.0, 30.0), 5.0), Tissue(0.0, 0.0, -2.5)),
)
"""Air and bone, from 4 mm beyond the head on."""
FIBROUS: Balls = {
    "iron": Part(Sphere((-22.0, 10.0, 8.0), 10.0), Tissue(0.75, 25.0, 0.12)),
    "tract 1": Part(
        Sphere((22.0, -8.0, -6.0), 10.0), Tissue(0.7, 20.0, -0.045),
        Anisotropy(0.020, (1.0, 1.0, 0.0)),
    ),
    "tract 2": Part(
        Sphere((4.0, 22.0, -22.0), 10.0), Tissue(0.7, 20.0, -0.045),
        Anisotropy(0.020, (0.0, 0.3, 1.0)),
    ),
}  # fmt: skip


def main() -> None:
    """Print the tables that are asked for."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2:] or ["cosmos", "sti"]
    if "cosmos" in wanted:
        cosmos(folder / "cosmos", ISOTROPIC, head_of(ISOTROPIC))
    if "aside" in wanted:
        cosmos(
            folder / "aside", ASIDE, head_of(ASIDE, seed=11, spread_ppm=SPREAD_PPM, around=AROUND)
        )
    if "sti" in wanted:
        sti(folder / "sti")


def cosmos(folder: Path, balls: Balls, head: Phantom) -> None:
    """χ of balls from five positions, and with a direction of B0 that is 3° off."""
    scans = scanned(folder, head, COSMOS_TILTS)
    labels = labelled(folder, balls, head, scans[0])
    status = streamrecon(
        ["analyze", "cosmos", *map(str, scans), "--labels", str(labels), "-o", str(folder / "out")]
    )
    means = values(folder / "out", "mean_chi")
    print(f"exit status {status}, condition {values(folder / 'out', 'condition')['orientations']}")
    for name, part in balls.items():
        tell(name, means[name] - means["between"], 1e3 * part.tissue.chi_ppm)
    first = read_map_folder(scans[0])
    moved = tilted_scans(first, scans[1:]).fields
    off = Rotation.from_euler("y", 3, degrees=True).as_matrix()
    bent = [
        replace(f, turned=replace(f.turned, axes_lps=f.turned.axes_lps @ off)) for f in moved[1:]
    ]
    chi = least_squares_cosmos([moved[0], *bent]).chi_ppm
    numbers = np.asarray(nibabel.load(labels).dataobj).T
    between = chi[numbers == len(balls) + 1].mean()
    for number, (name, part) in enumerate(balls.items(), start=1):
        found = 1e3 * float(chi[numbers == number].mean() - between)
        tell(f"{name}, b 3° off", found, 1e3 * part.tissue.chi_ppm)


def sti(folder: Path) -> None:
    """MMS and MSA of balls of fibres from four positions."""
    head = head_of(FIBROUS)
    scans = scanned(folder, head, STI_TILTS)
    labels = labelled(folder, FIBROUS, head, scans[0])
    directions(folder, read_map_folder(scans[0]).geometry)
    status = streamrecon([
        "analyze", "sti", *map(str, scans), "--v1", str(folder / "v1.nii.gz"),
        "--fa", str(folder / "fa.nii.gz"), "--vectors", "mrtrix", "--labels", str(labels),
        "-o", str(folder / "out"),
    ])  # fmt: skip
    mms, msa = (values(folder / "out", name) for name in ("mms", "msa"))
    print(f"exit status {status}, condition {values(folder / 'out', 'condition')['orientations']}")
    for name, part in FIBROUS.items():
        tell(f"{name}, MMS", mms[name] - mms["between"], 1e3 * part.tissue.chi_ppm)
        if part.anisotropy is not None:
            tell(f"{name}, MSA", msa[name], 1e3 * part.anisotropy.msa_ppm)


def scanned(
    folder: Path, head: Phantom, tilts: Sequence[tuple[str, int | tuple[int, int]]]
) -> list[Path]:
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
            streamrecon([
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


def head_of(
    balls: Balls, *, seed: int = 7, spread_ppm: float = 0.0, around: Sequence[Part] = ()
) -> Phantom:
    """The balls in tissue, among others that differ in magnitude, and in χ where it is asked."""
    random = np.random.default_rng(seed)
    seen: list[Part] = []
    while len(seen) < 16:
        centre, radius = random.uniform(-40, 40, 3), float(random.uniform(4, 8))
        if np.linalg.norm(centre) + radius > HEAD_MM - 3:
            continue
        others = [*balls.values(), *seen]
        if all(np.linalg.norm(centre - p.shape.centre_mm) > radius + p.shape.radius_mm + 2
               for p in others if isinstance(p.shape, Sphere)):  # fmt: skip
            place = tuple(centre.tolist())
            tissue = Tissue(
                random.uniform(0.4, 1.2), 18.0, spread_ppm and random.uniform(-1, 1) * spread_ppm
            )
            seen.append(Part(Sphere(place, radius), tissue))
    tissue = Tissue(0.8, 18.0, 0.0)
    host = Part(Sphere((0.0, 0.0, 0.0), HEAD_MM), tissue)
    sides = [Part(Sphere(centre, radius), tissue) for centre, radius in SIDES]
    far = (0.0, 0.2, -0.3, 0.4, 1.0)
    return Phantom((host, *sides, *around, *seen, *balls.values()), NOTHING, background_ppm=far)


def labelled(folder: Path, balls: Balls, head: Phantom, first: Path) -> Path:
    """Cores of the balls, and what is far from all sources."""
    grid = read_map_folder(first).geometry
    at = places(grid)
    numbers = np.zeros(grid.shape, np.int16)
    away = np.full(grid.shape, np.inf)
    for number, part in enumerate(balls.values(), start=1):
        assert isinstance(part.shape, Sphere)
        depth = part.shape.radius_mm - np.linalg.norm(at - part.shape.centre_mm, axis=-1)
        numbers[depth > CORE_MM] = number
        away = np.minimum(away, -depth)
    inner = np.linalg.norm(at, axis=-1) < HEAD_MM - 12
    for part in head.parts:
        if isinstance(part.shape, Sphere) and 0 < abs(part.tissue.chi_ppm) <= SPREAD_PPM:
            inner &= np.linalg.norm(at - part.shape.centre_mm, axis=-1) > part.shape.radius_mm
    numbers[(away > APART_MM) & inner] = len(balls) + 1
    names = {str(n): name for n, name in enumerate([*balls, "between"], start=1)}
    path = folder / "labels.nii.gz"
    write_nifti(path, numbers, grid)
    (folder / "labels.json").write_text(json.dumps(names))
    return path


def directions(folder: Path, grid: Geometry) -> None:
    """V1 (RAS) and FA as a diffusion program would have them."""
    at = places(grid)
    v1, fa = np.zeros((*grid.shape, 3), np.float32), np.zeros(grid.shape, np.float32)
    for part in FIBROUS.values():
        if part.anisotropy is not None and isinstance(part.shape, Sphere):
            inside = np.linalg.norm(at - part.shape.centre_mm, axis=-1) < part.shape.radius_mm
            along = np.array(part.anisotropy.direction)
            v1[inside] = along / np.linalg.norm(along) * (-1, -1, 1)
            fa[inside] = 0.6
    write_nifti(folder / "fa.nii.gz", fa, grid)
    _, affine = in_ras(fa, grid)
    nibabel.Nifti1Image(v1.transpose(2, 1, 0, 3), affine).to_filename(folder / "v1.nii.gz")


def places(grid: Geometry) -> NDArray[np.float64]:
    """Position of every voxel [Z, Y, X, 3] (L, P, S)."""
    affine = grid.affine_lps()
    return np.moveaxis(np.indices(grid.shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]


def values(folder: Path, name: str) -> dict[str, float]:
    """Values of a name by their subjects."""
    report = json.loads((folder / "analysis.json").read_bytes())
    rows = [value for reading in report["readings"] for value in reading["values"]]
    return {row["subject"]: row["number"] for row in rows if row["name"] == name}


def tell(name: str, found: float, true: float) -> None:
    """A line of the table [ppb]."""
    print(f"{name}: {found:.1f} ppb, true {true:.1f}: off by {found - true:+.1f}, "
          f"{100 * (found / true - 1):+.1f} %")  # fmt: skip


if __name__ == "__main__":
    main()
