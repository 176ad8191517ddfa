"""`streamrecon analyze iron` and its like on a folder of maps, as a person runs them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from map_files import oblique_grid, write_map

from streamrecon.cli import main
from streamrecon.model.quantities import Quantity
from streamrecon.output.nifti import write_nifti

GRID = oblique_grid((24, 33, 35))


def boxes() -> tuple[np.ndarray, dict[str, slice]]:
    """Labels of two pallida and a ventricle."""
    numbers = np.zeros(GRID.shape, np.int16)
    for number, at in ((1, (4, 4)), (2, (4, 20)), (3, (20, 4))):
        numbers[4:16, at[0] : at[0] + 11, at[1] : at[1] + 11] = number
    return numbers, {"left pallidum": 1, "right pallidum": 2, "ventricle": 3}


def write_scan(folder, *, pallidum_ppm=(0.150, 0.140), comment="standard; zero: brain", seed=0):
    """χ, its noise and R2* of one scan, with labels beside them."""
    numbers, _ = boxes()
    random = np.random.default_rng(seed)
    chi = random.normal(0.01, 0.004, GRID.shape).astype(np.float32)
    for number, ppm in ((1, pallidum_ppm[0]), (2, pallidum_ppm[1]), (3, 0.0)):
        chi[numbers == number] += np.float32(ppm - 0.01)
    rate = np.where(numbers == 3, np.float32(2), np.float32(30))
    facts = {"ImageComments": [comment], "MagneticFieldStrength": 3.0}
    write_map(folder, "scan_Chimap", Quantity.CHI, chi, GRID, **facts)
    write_map(folder, "scan_chi_sd", Quantity.CHI_SD, np.full_like(chi, 0.004), GRID)
    write_map(folder, "scan_R2starmap", Quantity.R2_STAR, rate, GRID)
    write_nifti(folder.parent / "labels.nii.gz", numbers, GRID)
    names = "index\tname\n" + "".join(f"{n}\t{name}\n" for name, n in boxes()[1].items())
    (folder.parent / "labels.tsv").write_text(names, encoding="utf-8")


def rows(report) -> dict[tuple[str, str, str], float]:
    """Number of each subject, name and reference of the last reading."""
    found = json.loads(report.read_text(encoding="utf-8"))["readings"]
    return {
        (v["subject"], v["name"], v["reference"]): v["number"] for r in found for v in r["values"]
    }


def test_iron_of_a_folder_stands_against_the_labelled_ventricle(tmp_path):
    write_scan(tmp_path / "maps")

    status = main(
        ["analyze", "iron", str(tmp_path / "maps"), "-o", str(tmp_path / "out"),
         "--labels", str(tmp_path / "labels.nii.gz"), "--reference", "csf"]
    )  # fmt: skip

    found = rows(tmp_path / "out" / "analysis.json")
    assert status == 0
    # noise of 4 ppb over some 900 voxels
    assert found["left pallidum", "robust_mean_chi", "CSF"] == pytest.approx(150.0, abs=0.7)
    assert found["left pallidum", "iron", "CSF"] == pytest.approx(150 / 1.10, abs=0.7)
    assert found["pallidum", "asymmetry_chi", ""] == pytest.approx(10.0, abs=0.7)


def test_iron_without_labels_is_refused_with_a_report(tmp_path):
    write_scan(tmp_path / "maps")

    status = main(["analyze", "iron", str(tmp_path / "maps"), "-o", str(tmp_path / "out")])

    reading = json.loads((tmp_path / "out" / "analysis.json").read_text())["readings"][0]
    assert (status, reading["outcome"]) == (2, "refused")
    assert "needed regions" in reading["reasons"][0]
