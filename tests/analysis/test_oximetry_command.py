"""`streamrecon analyze veins|oximetry|cmro2` on folders of maps of a painted vein."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vessel_scans import B0_T, TE_S, Scene, scan_of, scene_of

from streamrecon.cli import main
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.sidecar import write_sidecar

HCT = 0.42
YV = 1 - (0.57 + 0.42 * 4 * math.pi * 0.008) / (0.42 * 4 * math.pi * 0.27)


def stored(
    folder: Path,
    name: str,
    quantity: Quantity,
    values: np.ndarray,
    scene: Scene,
    **facts: str | float,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_nifti(folder / f"{name}.nii.gz", np.asarray(values, np.float32), scene.geometry)
    known = {"Quantity": quantity.label, "Units": quantity.unit or "arbitrary"}
    write_sidecar(folder / f"{name}.json", {**known, "MagneticFieldStrength": B0_T, **facts})


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scene]:
    """Five echoes of one vein of 0.57 ppm, its mask, and a map that is the mask times 0.5 ppm."""
    rng = np.random.default_rng(3)
    scene = scene_of(rng, radius_mm=1.2, angle_deg=75.0, voxels=24)
    folder = tmp_path_factory.mktemp("maps")
    for e, (te, echo) in enumerate(
        zip(TE_S, scan_of(scene, rng, snr=40).echoes, strict=True), start=1
    ):
        for name, quantity, values in (
            ("magnitude", Quantity.MAGNITUDE, abs(echo)), ("phase", Quantity.PHASE, np.angle(echo))
        ):  # fmt: skip
            stored(folder, f"echo-{e}_{name}", quantity, values, scene, EchoTime=te)
    n = 24
    fine = scene.painted[0].fraction.reshape(n, 4, n, 4, n, 4).mean((1, 3, 5))
    stored(folder, "Chimap", Quantity.CHI, 0.5 * fine + 1e-4, scene)
    stored(folder, "veins", Quantity.VEINS, fine > 0.5, scene)
    return folder, scene


def reading(folder: Path, kind: str) -> dict[str, Any]:
    report = json.loads((folder / "analysis.json").read_text())
    return next(each for each in report["readings"] if each["kind"] == kind)


def number(found: dict[str, Any], subject: str, name: str) -> dict[str, Any]:
    return next(v for v in found["values"] if (v["subject"], v["name"]) == (subject, name))


def test_a_vein_of_a_folder_has_its_saturation(scan: tuple[Path, Scene], tmp_path: Path) -> None:
    """One vein alone is flagged; constants stand in the report."""
    folder, _ = scan
    status = main(["analyze", "oximetry", str(folder), "-o", str(tmp_path), "--hct", str(HCT)])
    found = reading(tmp_path, "oximetry")
    assert status == 1
    assert "veins are good" in found["reasons"][0]
    yv = number(found, "whole brain", "yv")
    assert yv["number"] == pytest.approx(YV, abs=0.02)
    assert 0 < yv["sigma"] < 0.03
    assert number(found, "whole brain", "oef")["number"] == pytest.approx(
        (0.98 - yv["number"]) / 0.98, abs=1e-5
    )
    assert found["parameters"]["delta_chi_deoxygenated_ppm_cgs"] == pytest.approx(0.27)
    assert found["parameters"]["delta_chi_deoxygenated_ppm_si"] == pytest.approx(3.39292, abs=1e-5)


def test_an_assumed_haematocrit_is_flagged(scan: tuple[Path, Scene], tmp_path: Path) -> None:
    folder, _ = scan
    assert main(["analyze", "oximetry", str(folder), "-o", str(tmp_path)]) == 1
    assert reading(tmp_path, "oximetry")["reasons"][0].startswith("haematocrit not given")


def test_a_haematocrit_in_percent_is_refused(scan: tuple[Path, Scene], tmp_path: Path) -> None:
    folder, _ = scan
    assert main(["analyze", "oximetry", str(folder), "-o", str(tmp_path), "--hct", "42"]) == 2
    assert "needed a fraction" in reading(tmp_path, "oximetry")["reasons"][0]


def test_a_folder_without_phase_is_refused(scan: tuple[Path, Scene], tmp_path: Path) -> None:
    _, scene = scan
    other = tmp_path / "maps"
    stored(other, "Chimap", Quantity.CHI, np.full(scene.geometry.shape, 0.1), scene)
    stored(other, "mag", Quantity.MAGNITUDE, np.ones(scene.geometry.shape), scene, EchoTime=0.01)
    assert main(["analyze", "oximetry", str(other), "-o", str(tmp_path / "out")]) == 2
    assert "found no phase" in reading(tmp_path / "out", "oximetry")["reasons"][0]


def test_density_of_a_region_is_length_over_volume(
    scan: tuple[Path, Scene], tmp_path: Path
) -> None:
    """The vein crosses the region, a ball of 8 mm about its middle: 16 mm of it."""
    folder, scene = scan
    index = np.stack(np.meshgrid(*[np.arange(24) - 12] * 3, indexing="ij"), -1)
    ball = np.linalg.norm(index - scene.vessels[0].middle_mm, axis=-1) <= 8
    write_nifti(tmp_path / "labels.nii.gz", ball.astype(np.int16), scene.geometry)
    write_sidecar(tmp_path / "labels.json", {"1": "ball"})
    out = tmp_path / "out"

    labels = ["--labels", str(tmp_path / "labels.nii.gz")]
    assert main(["analyze", "veins", str(folder), "-o", str(out), *labels]) == 0

    density = number(reading(out, "veins"), "ball", "vein_length_density")
    assert density["unit"] == "mm/mm3"
    assert density["number"] == pytest.approx(16 / ball.sum(), rel=0.1)
    assert (out / "veins_centrelines.csv").read_text().startswith("vein,left_mm")


def test_consumption_of_a_flow_is_that_of_fick(scan: tuple[Path, Scene], tmp_path: Path) -> None:
    folder, _ = scan
    given = ["--cbf-value", "50", "--yv", "0.6", "--yv-sd", "0.02", "--hct", "0.42"]
    assert main(["analyze", "cmro2", str(folder), "-o", str(tmp_path), *given]) == 0
    found = number(reading(tmp_path, "cmro2"), "brain", "cmro2")
    assert found["number"] == pytest.approx(164.8, abs=0.1)
    assert found["sigma"] == pytest.approx(50 * 8.6735 * 0.02, rel=1e-3)


def test_consumption_of_territories_follows_their_flow(
    scan: tuple[Path, Scene], tmp_path: Path
) -> None:
    folder, scene = scan
    labels = np.ones(scene.geometry.shape, np.int16)
    labels[:12] = 2
    write_nifti(tmp_path / "labels.nii.gz", labels, scene.geometry)
    write_nifti(tmp_path / "cbf.nii.gz", (30.0 * labels).astype(np.float32), scene.geometry)
    out = tmp_path / "out"
    given = ["--cbf", str(tmp_path / "cbf.nii.gz"), "--labels", str(tmp_path / "labels.nii.gz")]

    assert main(["analyze", "cmro2", str(folder), "-o", str(out), *given, "--yv", "0.6"]) == 1

    found = reading(out, "cmro2")
    one, two = (number(found, f"region {n}", "cmro2")["number"] for n in (1, 2))
    assert two == pytest.approx(2 * one)
    assert one == pytest.approx(30 * 8.6735 * 0.38, rel=1e-3)
    assert "assumed" in found["reasons"][0]


def test_a_territory_takes_the_saturation_of_its_own_veins(
    scan: tuple[Path, Scene], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, scene = scan
    labels = np.ones(scene.geometry.shape, np.int16)
    labels[:12] = 2
    write_nifti(tmp_path / "labels.nii.gz", labels, scene.geometry)
    write_nifti(tmp_path / "cbf.nii.gz", np.full(labels.shape, 50, np.float32), scene.geometry)
    out = tmp_path / "out"
    words = ["analyze", "cmro2", str(folder), "-o", str(out), "--hct", "0.42", "--yv", "0.6"]
    words += ["--cbf", str(tmp_path / "cbf.nii.gz"), "--labels", str(tmp_path / "labels.nii.gz")]

    assert main([*words, "--territory-yv", "region 2=0.5,0.03"]) == 0

    found = reading(out, "cmro2")
    assert number(found, "region 1", "cmro2")["number"] == pytest.approx(164.8, abs=0.1)
    assert number(found, "region 1", "cmro2")["flags"] == ["saturation of the whole brain"]
    own = number(found, "region 2", "cmro2")
    assert own["number"] == pytest.approx(50 * 8.6735 * 0.48, rel=1e-3)
    assert own["sigma"] == pytest.approx(50 * 8.6735 * 0.03, rel=1e-3)
    assert main([*words, "--territory-yv", "pons=0.5"]) != 0
    assert "found no flow of pons" in capsys.readouterr().err
