"""`streamrecon analyze lesions` on files: report, pictures, exit status."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from lesion_scene import Ball, oblique, scene
from map_files import write_map
from PIL import Image

from streamrecon.cli import main
from streamrecon.model.quantities import Quantity
from streamrecon.output.nifti import write_nifti

GRID = oblique((31, 37, 35), (1.2, 1.0, 1.0))
BALLS = (Ball((-6.0, 5.0, 4.0), 2.0, 0.8), Ball((6.2, -5.1, -5.3), 1.5, -0.8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("lesions") / "sub-1"
    maps = scene(GRID, BALLS)
    for name, quantity, values in (
        ("p_Chimap", Quantity.CHI, np.where(maps.mask, maps.chi_ppm, 0)),
        ("p_localfield", Quantity.LOCAL_FIELD, maps.local_field_ppm),
        ("p_fieldsd", Quantity.FIELD_SD, maps.field_sd_ppm),
    ):
        write_map(place, name, quantity, values, GRID, MagneticFieldStrength=3.0)
    for number, (te_s, echo) in enumerate(zip(maps.te_s, maps.magnitude, strict=True), start=1):
        name = f"p_echo-{number}_part-mag_MEGRE"
        write_map(place, name, Quantity.MAGNITUDE, echo, GRID, EchoTime=te_s)
    return place


def test_the_report_has_both_lesions_and_says_that_veins_are_missing(
    folder: Path, tmp_path: Path
) -> None:
    numbers = np.zeros(GRID.shape, np.int16)
    numbers[: GRID.shape[0] // 2] = 7
    write_nifti(tmp_path / "lobes.nii.gz", numbers, GRID)

    words = ["analyze", "lesions", str(folder), "-o", str(tmp_path / "out")]
    status = main([*words, "--labels", str(tmp_path / "lobes.nii.gz")])

    assert status == 1  # flagged: no map of veins
    report = json.loads((tmp_path / "out/analysis.json").read_text())
    reading = report["readings"][0]
    assert reading["reasons"] == ["no map of veins: more vessels pass as bleeds"]
    moments = [v for v in reading["values"] if v["name"] == "moment" and v["quality"] != "vessel"]
    assert [v["quality"] for v in moments] == ["bleed", "calcification"]
    for value, ball in zip(moments, BALLS, strict=True):
        assert value["number"] == pytest.approx(ball.moment, rel=0.12)
    counts = {(v["subject"], v["name"]): v["number"] for v in reading["values"]}
    assert counts["region 7", "bleed_count"] == 1
    assert counts["region 7", "calcification_count"] == 0
    labels = nibabel.load(tmp_path / "out/lesions_labels.nii.gz")
    assert set(np.unique(labels.get_fdata())) >= {0, 1, 2}
    with Image.open(tmp_path / "out/lesions_overlay.png") as overlay:
        pixels = np.asarray(overlay)
    assert (pixels == (255, 70, 60)).all(-1).any()
    assert (pixels == (70, 160, 255)).all(-1).any()
    assert "lesions_thumbnails.png" in {path.name for path in (tmp_path / "out").iterdir()}


def test_without_the_local_field_it_is_refused_and_says_what_makes_it(
    folder: Path, tmp_path: Path
) -> None:
    less = tmp_path / "less"
    less.mkdir()
    for file in folder.iterdir():
        if "localfield" not in file.name:
            (less / file.name).write_bytes(file.read_bytes())

    status = main(["analyze", "lesions", str(less), "-o", str(tmp_path / "out")])

    assert status == 2
    reading = json.loads((tmp_path / "out/analysis.json").read_text())["readings"][0]
    assert reading["outcome"] == "refused"
    assert "local_field=true" in reading["reasons"][0]
