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
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
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


def write_ct(path: Path, *, dense: dict[int, float], air: float = -1000.0) -> None:
    """A CT of finer voxels on other axes, with balls of so many HU at the numbered lesions."""
    axes = np.eye(3)[[1, 2, 0]]
    grid = Geometry((84, 90, 96), (0.5, 0.5, 0.5), axes)
    index = np.indices(grid.shape).reshape(3, -1)
    points = (grid.affine_lps() @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    hu = np.full(points.shape[1], 35.0)
    hu[:500] = air
    middle = np.array([n // 2 for n in GRID.shape])
    for number, value in dense.items():
        centre = np.array(BALLS[number].centre_mm) / GRID.voxel_mm + middle
        place = (GRID.affine_lps() @ (*centre, 1))[:3]
        hu[np.linalg.norm(points - place[:, None], axis=0) < 1.2] = value
    write_nifti(path, hu.reshape(grid.shape).astype(np.float32), grid)


@pytest.mark.parametrize(
    ("dense", "kinds"),
    [
        ({0: 62.0, 1: 420.0}, ["bleed", "calcification"]),  # acute blood, and calcium
        ({0: 300.0}, ["calcification", "indeterminate"]),  # both against their sign
        ({0: 4000.0, 1: 101.0}, ["bleed", "calcification"]),  # metal decides nothing
    ],
)
def test_a_ct_decides_what_the_sign_does_not(
    folder: Path, tmp_path: Path, dense: dict[int, float], kinds: list[str]
) -> None:
    write_ct(tmp_path / "ct.nii.gz", dense=dense)

    words = ["analyze", "lesions", str(folder), "-o", str(tmp_path / "out")]
    main([*words, "--ct", str(tmp_path / "ct.nii.gz"), "--k-sigma", "4"])

    values = json.loads((tmp_path / "out/analysis.json").read_text())["readings"][0]["values"]
    first = [v for v in values if v["name"] == "ct" and v["quality"] != "vessel"]
    assert [v["quality"] for v in first] == kinds
    for number, hu in dense.items():
        assert first[number]["number"] == pytest.approx(hu, rel=0.02)
        assert first[number]["unit"] == "[hnsf'U]"


def test_what_is_indeterminate_becomes_a_bleed_where_ct_sees_no_calcium(
    folder: Path, tmp_path: Path
) -> None:
    write_ct(tmp_path / "ct.nii.gz", dense={})
    words = ["analyze", "lesions", str(folder), "-o", str(tmp_path / "out"), "--k-sigma", "1e6"]

    kinds = []
    for more in ([], ["--ct", str(tmp_path / "ct.nii.gz")]):
        main([*words, *more])
        values = json.loads((tmp_path / "out/analysis.json").read_text())["readings"][0]["values"]
        moments = [v for v in values if v["name"] == "moment" and v["quality"] != "vessel"]
        kinds.append([v["quality"] for v in moments])

    assert kinds[0] == ["indeterminate", "indeterminate"]
    assert kinds[1] == ["bleed", "indeterminate"]


def test_a_ct_without_air_or_of_another_place_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ct(tmp_path / "ct.nii.gz", dense={}, air=0.0)
    far = Geometry((4, 4, 4), (1.0, 1.0, 1.0), np.eye(3)[::-1], (500.0, 0.0, 0.0))
    write_nifti(tmp_path / "far.nii.gz", np.full(far.shape, -900, np.float32), far)
    words = ["analyze", "lesions", str(folder), "-o", str(tmp_path / "out"), "--ct"]

    assert main([*words, str(tmp_path / "ct.nii.gz")]) != 0
    assert "needed HU" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "far.nii.gz")]) == 2
    assert "none of the lesions in it" in capsys.readouterr().err
