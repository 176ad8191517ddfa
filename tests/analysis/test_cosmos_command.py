"""`streamrecon analyze cosmos` and `sti`, from folders of maps of a head in several positions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from map_files import write_map
from tilted_head import AXIAL, Tilt, places, tilted, turn

from streamrecon.cli import main
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.units import hz_per_ppm

GRID = Geometry((45, 47, 43), (1.5, 1.4, 1.5), AXIAL)
TURNED = Geometry((43, 49, 45), (1.5, 1.4, 1.5), turn("z", 8) @ AXIAL, (0.5, -1, 1))
TILTS: list[Tilt] = [("x", 0), ("x", 22), ("y", -24), ("xy", (-15, 18))]
MSA, FIBRE = 0.03, np.array([1.0, 1, 0]) / np.sqrt(2)
BALLS = [
    ((-11.0, 6, 4), 7.0, 0.30 * np.eye(3)),
    ((11.0, -7, -3), 7.0, -0.05 * np.eye(3) + MSA * (np.outer(FIBRE, FIBRE) - np.eye(3) / 3)),
]
AROUND = [((0.0, -38, -12), 5.0, 9.4 * np.eye(3)), ((-3.0, 33, 20), 4.0, -2.5 * np.eye(3))]
RNG = np.random.default_rng(8)
BLOBS, SIZES, HEIGHTS = (
    RNG.uniform(-25, 25, (50, 3)),
    RNG.uniform(3, 6, 50),
    RNG.uniform(-0.5, 0.5, 50),
)


def magnitude(at: np.ndarray) -> np.ndarray:
    """Smooth blobs, at places in the head's own frame."""
    image = np.ones(at.shape[:-1])
    for centre, size, height in zip(BLOBS, SIZES, HEIGHTS, strict=True):
        image += height * np.exp(-((at - centre) ** 2).sum(-1) / (2 * size**2))
    return image


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A folder of maps for each position."""
    folders = []
    for n, tilt in enumerate(TILTS):
        rotation, shift = turn(*tilt), (0.0, 0, 0) if n == 0 else (2.0, -1, 1.5)
        grid = GRID if n == 0 else TURNED
        position = tilted(
            BALLS, rotation, grid, shift, noise=0.001, around=AROUND, shim_ppm=(n, 1.0, -n, 10 * n)
        )
        own = (places(grid) - np.array(shift)) @ rotation
        folder = tmp_path_factory.mktemp(f"position{n}")
        image = magnitude(own) * position.mask
        facts = {"MagneticFieldStrength": 3.0}
        total_hz = position.field_ppm * np.float32(42.577478518 * 3)
        write_map(folder, "a_B0map", Quantity.FIELD_HZ, total_hz, grid, **facts)
        write_map(folder, "a_mask", Quantity.MASK, position.mask.astype(np.uint8), grid, **facts)
        write_map(
            folder, "a_echo-1_part-mag_MEGRE", Quantity.MAGNITUDE, image.astype(np.float32), grid,
            EchoTime=0.005, EchoNumber=1, **facts,
        )  # fmt: skip
        folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both balls without their rim, and what is between."""
    at = places(GRID)
    depth = [r - np.linalg.norm(at - c, axis=-1) for c, r, _ in BALLS]
    numbers = np.zeros(GRID.shape, np.int16)
    for n, inside in enumerate(depth):
        numbers[inside > 1.5] = n + 1
    numbers[(np.max(depth, axis=0) < -4) & (np.linalg.norm(at, axis=-1) < 25)] = 3
    path = tmp_path_factory.mktemp("labels") / "labels.nii.gz"
    write_nifti(path, numbers, GRID)
    path.with_name("labels.json").write_text('{"1": "iron", "2": "tract", "3": "between"}')
    return path


def report(output: Path, kind: str) -> tuple[Any, dict[tuple[str, str], float]]:
    analysis = json.loads((output / "analysis.json").read_text(encoding="utf-8"))
    (reading,) = (r for r in analysis["readings"] if r["kind"] == kind)
    return reading, {(v["subject"], v["name"]): v["number"] for v in reading["values"]}


def test_four_positions_give_the_map(scans: list[Path], labels: Path, tmp_path: Path) -> None:
    words = ["analyze", "cosmos", *map(str, scans), "-o", str(tmp_path), "--labels", str(labels)]

    assert main(words) == 0

    _, values = report(tmp_path, "cosmos")
    zero = values["between", "mean_chi"]
    assert values["iron", "mean_chi"] - zero == pytest.approx(300, rel=0.03)
    assert values[scans[1].name, "tilt"] == pytest.approx(22, abs=1)  # a ball turns easily
    assert values["orientations", "condition"] < 10
    image = nib.load(tmp_path / "cosmos_Chimap.nii.gz")
    np.testing.assert_allclose(image.affine, nib.load(scans[0] / "a_mask.nii.gz").affine)


def test_a_cone_that_is_left_open_is_flagged_with_the_tilt_that_closes_it(
    scans: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", "cosmos", *map(str, scans[:2]), "-o", str(tmp_path)]) == 1

    message = capsys.readouterr().err
    assert "condition number infinite (some directions are seen by none), needed at most" in message
    assert "about the anterior-posterior axis" in message


def test_a_scan_whose_header_turns_it_by_half_is_flagged(
    scans: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upside_down = shutil.copytree(scans[1], tmp_path / "upside_down")
    for path in upside_down.glob("*.nii.gz"):
        image = nib.load(path)
        turned = np.flip(np.asarray(image.dataobj), (1, 2))
        nib.save(nib.Nifti1Image(turned, image.affine, image.header), path)
    words = ["analyze", "orientations", str(scans[0])]

    right = main([*words, *map(str, scans[1:]), "-o", str(tmp_path / "right")])
    wrong = main([*words, str(upside_down), *map(str, scans[2:]), "-o", str(tmp_path / "wrong")])

    assert (right, wrong) == (0, 1)

    assert "upside_down: alike by 0." in capsys.readouterr().err


def test_a_scan_without_its_total_field_is_taken_by_its_local_one_and_flagged(
    scans: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reduced = tmp_path / "reduced"
    shutil.copytree(scans[2], reduced)
    for name in ("nii.gz", "json"):
        (reduced / f"a_B0map.{name}").rename(reduced / f"a_localfield.{name}")
    facts = json.loads((reduced / "a_localfield.json").read_text(encoding="utf-8"))
    facts |= {"Quantity": Quantity.LOCAL_FIELD.label, "Units": "ppm"}
    (reduced / "a_localfield.json").write_text(json.dumps(facts), encoding="utf-8")
    image = nib.load(reduced / "a_localfield.nii.gz")
    ppm = image.get_fdata() / hz_per_ppm(facts["MagneticFieldStrength"])
    nib.Nifti1Image(ppm, image.affine).to_filename(reduced / "a_localfield.nii.gz")
    words = ["analyze", "cosmos", *map(str, [*scans[:2], reduced]), "-o", str(tmp_path / "out")]

    assert main(words) == 1

    assert "reduced: no total field; its local field lacks part" in capsys.readouterr().err


def test_one_scan_twice_is_refused(
    scans: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", "cosmos", str(scans[0]), str(scans[0]), "-o", str(tmp_path)]) == 2

    assert "the same maps twice" in capsys.readouterr().err


@pytest.mark.parametrize("vectors", ["fsl", pytest.param("mrtrix", marks=pytest.mark.long)])
def test_diffusion_of_either_program_gives_the_anisotropy(
    scans: list[Path], labels: Path, tmp_path: Path, vectors: str
) -> None:
    """The diffusion image is left-handed and turned, and its patient lay elsewhere."""
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = turn("z", 10), (3, -2, 1)
    axes = turn("x", 7) @ (np.diag([-1.5, 1.5, 1.5]) if vectors == "fsl" else np.diag([1.5] * 3))
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ [26, 26, 26]
    index = np.moveaxis(np.indices((53, 53, 53)), 0, -1)
    ras = (index @ axes.T + affine[:3, 3]) @ motion[:3, :3].T + motion[:3, 3]
    inside = np.linalg.norm(ras * [-1, -1, 1] - np.array(BALLS[1][0]), axis=-1) < 7.0
    own = motion[:3, :3].T @ (FIBRE * [-1, -1, 1])
    unit = axes / np.linalg.norm(axes, axis=0)
    written = own if vectors == "mrtrix" else unit.T @ own
    assert np.linalg.det(unit) < 0 or vectors == "mrtrix"  # FSL turns x of right-handed images only
    v1 = np.where(inside[..., None], written, 0).astype(np.float32)
    nib.save(nib.Nifti1Image(v1, affine), tmp_path / "v1.nii.gz")
    nib.save(nib.Nifti1Image(inside.astype(np.float32), affine), tmp_path / "fa.nii.gz")
    np.savetxt(tmp_path / "to_scan.txt", motion)
    words = ["analyze", "sti", *map(str, scans), "-o", str(tmp_path / "out"), "--vectors", vectors]
    for name in ("v1", "fa"):
        words += [f"--{name}", str(tmp_path / f"{name}.nii.gz")]

    assert main([*words, "--to-scan", str(tmp_path / "to_scan.txt"), "--labels", str(labels)]) == 0

    reading, values = report(tmp_path / "out", "sti")
    assert "microstructure" in reading["method"]
    assert values["tract", "msa"] == pytest.approx(1e3 * MSA, rel=0.2)
    zero = values["between", "mms"]
    assert values["tract", "mms"] - zero == pytest.approx(-50, rel=0.1)
    assert values["iron", "mms"] - zero == pytest.approx(300, rel=0.03)


def test_after_each_position_the_one_that_is_still_needed_is_told(
    scans: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["analyze", "orientations", str(scans[0])]

    assert main([*words, "-o", str(tmp_path / "one")]) == 1
    first = capsys.readouterr().err
    assert main([*words, *map(str, scans[1:3]), "-o", str(tmp_path / "three")]) == 0

    assert "and another about the other one" in first
    _, found = report(tmp_path / "three", "orientations")
    assert found["orientations", "condition"] == pytest.approx(5.5, abs=0.6)  # 5.1 for 25° each
    tilts = sorted(number for (_, name), number in found.items() if name == "tilt")
    assert tilts == pytest.approx([22, 24], abs=0.5)
