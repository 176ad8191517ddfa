"""`streamrecon analyze iron` and its like on a folder of maps, as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from map_files import oblique_grid, write_map
from scipy.ndimage import gaussian_filter

from streamrecon.cli import main
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.sidecar import Fact
from streamrecon.qsm.dipole import field_from_chi

GRID = oblique_grid((24, 33, 35))


def boxes() -> tuple[np.ndarray, dict[str, int]]:
    """Labels of two pallida and a ventricle."""
    numbers = np.zeros(GRID.shape, np.int16)
    for number, at in ((1, (4, 4)), (2, (4, 20)), (3, (20, 4))):
        numbers[4:16, at[0] : at[0] + 11, at[1] : at[1] + 11] = number
    return numbers, {"left pallidum": 1, "right pallidum": 2, "ventricle": 3}


def write_scan(
    folder: Path,
    *,
    pallidum_ppm: tuple[float, float] = (0.150, 0.140),
    comment: str = "standard; zero: brain",
    seed: int = 0,
) -> None:
    """χ, its noise and R2* of one scan, with labels beside them."""
    numbers, _ = boxes()
    random = np.random.default_rng(seed)
    chi = random.normal(0.01, 0.004, GRID.shape).astype(np.float32)
    for number, ppm in ((1, pallidum_ppm[0]), (2, pallidum_ppm[1]), (3, 0.0)):
        chi[numbers == number] += np.float32(ppm - 0.01)
    rate = np.where(numbers == 3, np.float32(2), np.float32(30))
    facts: dict[str, Fact] = {"ImageComments": [comment], "MagneticFieldStrength": 3.0}
    write_map(folder, "scan_Chimap", Quantity.CHI, chi, GRID, **facts)
    write_map(folder, "scan_chi_sd", Quantity.CHI_SD, np.full_like(chi, 0.004), GRID)
    write_map(folder, "scan_R2starmap", Quantity.R2_STAR, rate, GRID)
    write_nifti(folder.parent / "labels.nii.gz", numbers, GRID)
    names = "index\tname\n" + "".join(f"{n}\t{name}\n" for name, n in boxes()[1].items())
    (folder.parent / "labels.tsv").write_text(names, encoding="utf-8")


def rows(report: Path) -> dict[tuple[str, str, str], float]:
    """Number of each subject, name and reference of the last reading."""
    found = json.loads(report.read_text(encoding="utf-8"))["readings"]
    return {
        (v["subject"], v["name"], v["reference"]): v["number"] for r in found for v in r["values"]
    }


def test_iron_of_a_folder_stands_against_the_labelled_ventricle(tmp_path: Path) -> None:
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


def test_iron_of_what_is_no_brain_stands_against_the_whole_mask(tmp_path: Path) -> None:
    found = []
    for name in ("whole brain", "whole mask"):
        write_scan(tmp_path / name, comment=f"standard; zero: {name}")
        main(
            ["analyze", "iron", str(tmp_path / name), "-o", str(tmp_path / f"{name} read"),
             "--labels", str(tmp_path / "labels.nii.gz")]
        )  # fmt: skip
        found.append(rows(tmp_path / f"{name} read" / "analysis.json"))

    brain, bottle = found
    assert ("left pallidum", "robust_mean_chi", "whole mask") in bottle
    assert bottle == {
        tuple("whole mask" if word == "whole brain" else word for word in key): number
        for key, number in brain.items()
    }


@pytest.mark.parametrize(
    "words",
    ["sources {maps} --no-joint --r2 {file}", "rims {maps} --lesions {file}",
     "cmro2 {maps} --yv 0.6 --hct 0.4 --labels {labels} --cbf {file}"],
    ids=["r2", "lesions", "flow"],
)  # fmt: skip
def test_a_file_whose_axes_a_tool_has_turned_is_read_as_it_was(words: str, tmp_path: Path) -> None:
    write_scan(tmp_path / "maps")
    numbers, _ = boxes()
    values = np.where(numbers == 1, 14.0, 0) + np.where(numbers == 2, 11.0, 0) * (
        "rims" not in words
    )
    write_nifti(tmp_path / "straight.nii.gz", values.astype(np.float32), GRID)
    image = nibabel.load(tmp_path / "straight.nii.gz")
    image.as_reoriented(np.array([[1, -1], [0, 1], [2, -1]])).to_filename(
        tmp_path / "turned.nii.gz"
    )

    found = []
    for name in ("straight", "turned"):
        given = {"maps": tmp_path / "maps", "labels": tmp_path / "labels.nii.gz"}
        analysis = words.format(file=tmp_path / f"{name}.nii.gz", **given).split()
        assert main(["analyze", *analysis, "-o", str(tmp_path / name)]) in {0, 1}
        found.append(rows(tmp_path / name / "analysis.json"))

    assert found[0]
    assert found[1] == found[0]


def test_visits_of_what_is_no_brain_are_compared_against_the_whole_mask(tmp_path: Path) -> None:
    for folder, ppm in (("first", 0.150), ("second", 0.130)):
        write_visit(
            tmp_path / folder, pallidum_ppm=ppm, steps=0, comment="standard; zero: whole mask"
        )

    change(tmp_path, str(tmp_path / "first"))

    report = json.loads((tmp_path / "out" / "analysis.json").read_text())["readings"][0]
    (row,) = (
        v for v in report["values"] if (v["subject"], v["name"]) == ("left pallidum", "change_chi")
    )
    assert row["reference"] == report["parameters"]["reference"] == "whole mask"
    assert row["number"] == pytest.approx(-18.5, abs=2.0)


def test_a_wrong_option_is_an_error_and_leaves_an_earlier_reading_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scan(tmp_path / "maps")
    words = ["analyze", "iron", str(tmp_path / "maps"), "-o", str(tmp_path / "out")]
    labels = str(tmp_path / "labels.nii.gz")
    assert main([*words, "--labels", labels]) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert main([*words, "--labels", str(tmp_path / "nowhere.nii")]) == 2
    assert main([*words, "--labels", labels, "--run", "3"]) == 2

    messages = capsys.readouterr().err
    assert "required: --labels" in messages
    assert "nowhere.nii: found no such file" in messages
    assert "--run 3: maps has 1" in messages
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def write_visit(
    folder: Path, *, pallidum_ppm: float, steps: int, comment: str = "standard; zero: brain"
) -> None:
    """A head of smooth texture that lies ``steps`` voxels along y and x from where it was."""
    random = np.random.default_rng(3)
    texture = gaussian_filter(random.standard_normal(GRID.shape), 2.0)
    numbers, _ = boxes()
    values = {
        "magnitude": 1 + 0.15 * texture / texture.std(),
        "chi": np.where(numbers == 1, pallidum_ppm, np.where(numbers == 2, 0.14, 0.0)) + 1e-4,
    }
    z, y, x = (np.linspace(-1, 1, n)[tuple(np.s_[:] if a == b else None for b in range(3))]
               for a, n in enumerate(GRID.shape))  # fmt: skip
    inside = (z / 0.95) ** 4 + (y / 0.85) ** 4 + (x / 0.85) ** 4 < 1
    moved = {k: np.roll(np.where(inside, v, 0), (steps, steps), (1, 2)) for k, v in values.items()}
    facts: dict[str, Fact] = {
        "ImageComments": [comment],
        "MagneticFieldStrength": 3.0,
    }
    chi = moved["chi"].astype(np.float32)
    write_map(folder, "v_Chimap", Quantity.CHI, chi, GRID, **facts)
    magnitude = moved["magnitude"].astype(np.float32)
    write_map(folder, "v_echo-1_part-mag_MEGRE", Quantity.MAGNITUDE, magnitude, GRID, EchoTime=5e-3)
    write_nifti(folder.parent / "labels.nii.gz", numbers, GRID)
    (folder.parent / "labels.json").write_text('{"1": "left pallidum", "2": "right pallidum"}')


def change(tmp_path: Path, *more: str) -> int:
    return main(
        ["analyze", "change", str(tmp_path / "second"), "-o", str(tmp_path / "out"),
         "--labels", str(tmp_path / "labels.nii.gz"), "--baseline", *more]
    )  # fmt: skip


def test_a_change_is_found_where_the_head_has_moved(tmp_path: Path) -> None:
    write_visit(tmp_path / "first", pallidum_ppm=0.150, steps=0)
    write_visit(tmp_path / "second", pallidum_ppm=0.130, steps=2)

    status = change(tmp_path, str(tmp_path / "first"), "--years", "2", "--reference", "brain")

    report = json.loads((tmp_path / "out" / "analysis.json").read_text())["readings"][0]
    found = {(v["subject"], v["name"]): v for v in report["values"]}
    left = found["left pallidum", "change_chi"]
    # the brain's mean falls by some 2 ppb with it; edges of the moved labels hold a little less
    assert left["number"] == pytest.approx(-18.5, abs=2.0)
    assert left["quality"] == "changed"
    assert found["right pallidum", "change_chi"]["quality"] == "no reliable change"
    assert found["left pallidum", "pace_chi"]["number"] == pytest.approx(left["number"] / 2)
    assert status == 0
    assert {"change_labels.nii.gz"} == set(report["files"])
    assert (tmp_path / "out" / "change_chi.png").is_file()


def test_an_earlier_report_is_a_baseline(tmp_path: Path) -> None:
    write_visit(tmp_path / "first", pallidum_ppm=0.150, steps=0)
    write_visit(tmp_path / "second", pallidum_ppm=0.130, steps=0)
    iron = ["analyze", "iron", str(tmp_path / "first"), "-o", str(tmp_path / "old")]
    main([*iron, "--labels", str(tmp_path / "labels.nii.gz")])

    change(tmp_path, str(tmp_path / "old" / "analysis.json"))

    report = json.loads((tmp_path / "out" / "analysis.json").read_text())["readings"][0]
    numbers = {(v["subject"], v["name"]): v["number"] for v in report["values"]}
    shift = 20 * (boxes()[0] == 1).sum() / 18000  # of the brain's mean, which is the zero
    assert numbers["left pallidum", "change_chi"] == pytest.approx(-20 + shift, abs=0.5)
    assert report["outcome"] == "given"


def test_another_head_is_no_second_visit(tmp_path: Path) -> None:
    write_visit(tmp_path / "first", pallidum_ppm=0.150, steps=0)
    write_visit(tmp_path / "second", pallidum_ppm=0.130, steps=0)
    noise = np.random.default_rng(9).uniform(0.5, 1.5, GRID.shape).astype(np.float32)
    name = "v_echo-1_part-mag_MEGRE"
    write_map(tmp_path / "second", name, Quantity.MAGNITUDE, noise, GRID, EchoTime=5e-3)
    other = (noise[:, ::-1, ::-1] - 1.0).copy()
    write_map(tmp_path / "second", "v_Chimap", Quantity.CHI, other, GRID, MagneticFieldStrength=3.0)

    status = change(tmp_path, str(tmp_path / "first"))

    report = json.loads((tmp_path / "out" / "analysis.json").read_text())["readings"][0]
    assert (status, report["outcome"]) == (2, "refused")
    assert "registration" in report["reasons"][0]


def write_mixture(folder: Path) -> None:
    """A box where sources of 60 ppb of both signs cancel, in tissue with fluid: χ, R2*, field."""
    numbers, _ = boxes()
    rate = np.where(numbers == 3, 2.0, np.where(numbers == 1, 12.0 + 137 * 0.12, 14.0))
    noise = np.random.default_rng(1).normal(0, 5e-4, GRID.shape)
    chi = np.where(numbers == 2, 0.05, 0.0) + noise + 0.01
    facts = {"MagneticFieldStrength": 3.0}
    field = field_from_chi(chi.astype(np.float32), GRID)
    for name, quantity, values in (
        ("m_Chimap", Quantity.CHI, chi), ("m_R2starmap", Quantity.R2_STAR, rate),
        ("m_localfield", Quantity.LOCAL_FIELD, field),
    ):  # fmt: skip
        write_map(folder, name, quantity, values.astype(np.float32), GRID, **facts)
    r2 = np.where(numbers == 3, 2.0, 12.0) + noise
    write_nifti(folder.parent / "r2.nii.gz", r2.astype(np.float32), GRID)
    write_nifti(folder.parent / "labels.nii.gz", numbers, GRID)
    names = json.dumps({"1": "mixture", "2": "iron", "3": "ventricle"})
    (folder.parent / "labels.json").write_text(names)


def turn_axes(path: Path) -> None:
    """As tools that write a file of their own do; every voxel stays in its place."""
    turned = nibabel.load(path).as_reoriented(np.array([[2, -1], [0, 1], [1, -1]]))
    nibabel.Nifti1Image(np.asarray(turned.dataobj), turned.affine).to_filename(path)


@pytest.mark.parametrize("turned", [False, True])
def test_a_mixture_that_chi_does_not_see_is_read_with_r2(tmp_path: Path, turned: bool) -> None:
    write_mixture(tmp_path / "maps")
    if turned:
        turn_axes(tmp_path / "r2.nii.gz")

    status = main(
        ["analyze", "sources", str(tmp_path / "maps"), "-o", str(tmp_path / "out"),
         "--labels", str(tmp_path / "labels.nii.gz"), "--r2", str(tmp_path / "r2.nii.gz")]
    )  # fmt: skip

    found = rows(tmp_path / "out" / "analysis.json")
    assert status == 0
    assert found["mixture", "chi_positive", "CSF"] == pytest.approx(60, abs=0.5)
    assert found["mixture", "chi_negative", "CSF"] == pytest.approx(60, abs=0.5)
    assert found["mixture", "joint_chi_positive", "CSF"] == pytest.approx(60, abs=6)
    assert found["mixture", "coherence", ""] == pytest.approx(1.0, abs=0.01)
    written = {path.name for path in (tmp_path / "out").glob("sources_*.nii.gz")}
    assert {"sources_chi-positive.nii.gz", "sources_quadrants.nii.gz"} <= written


def test_without_r2_the_sources_are_flagged_as_pseudo(tmp_path: Path) -> None:
    write_mixture(tmp_path / "maps")

    status = main(
        ["analyze", "sources", str(tmp_path / "maps"), "-o", str(tmp_path / "out"), "--no-joint"]
    )

    reading = json.loads((tmp_path / "out" / "analysis.json").read_text())["readings"][0]
    assert status == 1
    assert "pseudo" in reading["reasons"][0]


RIM_GRID = Geometry((41, 48, 45), (1.0, 0.9, 1.0), np.eye(3)[::-1])


def away_from(z: float, y: float, x: float) -> np.ndarray:
    """Distance from a place on the grid of the rims [mm]."""
    index = np.stack(np.meshgrid(*map(np.arange, RIM_GRID.shape), indexing="ij"), -1)
    return np.asarray(np.linalg.norm((index - (z, y, x)) * RIM_GRID.voxel_mm, axis=-1))


def write_rims(folder: Path) -> None:
    """One lesion with a rim, one without."""
    chi = np.random.default_rng(0).normal(-0.02, 0.002, RIM_GRID.shape)
    for place, ppm in (((20, 14, 22), 0.04), ((20, 34, 22), -0.02)):
        away = away_from(*place)
        chi[away <= 5.5] = -0.005
        chi[(away <= 5.5) & (away > 4.0)] = ppm
    lesions = (away_from(20, 14, 22) <= 5.5) | (away_from(20, 34, 22) <= 5.5)
    facts = {"MagneticFieldStrength": 3.0}
    for name, quantity, values in (
        ("r_Chimap", Quantity.CHI, chi),
        ("r_chi_sd", Quantity.CHI_SD, np.full(RIM_GRID.shape, 0.002)),
        ("r_veins", Quantity.VEINS, np.zeros(RIM_GRID.shape)),
    ):
        write_map(folder, name, quantity, values.astype(np.float32), RIM_GRID, **facts)
    write_nifti(folder.parent / "lesions.nii.gz", lesions.astype(np.uint8), RIM_GRID)


@pytest.mark.parametrize("turned", [False, True])
def test_rims_are_counted_and_each_lesion_has_its_class(tmp_path: Path, turned: bool) -> None:
    write_rims(tmp_path / "maps")
    if turned:
        turn_axes(tmp_path / "lesions.nii.gz")

    status = main(
        ["analyze", "rims", str(tmp_path / "maps"), "-o", str(tmp_path / "out"),
         "--lesions", str(tmp_path / "lesions.nii.gz")]
    )  # fmt: skip

    report = json.loads((tmp_path / "out" / "analysis.json").read_text())["readings"][0]
    rows = {(v["subject"], v["name"]): v for v in report["values"]}
    assert status == 0
    assert rows["patient", "lesions: rim"]["number"] == 1
    assert rows["lesion 1", "coverage"]["quality"] == "rim"
    assert rows["lesion 2", "coverage"]["quality"] == "no rim"
    assert rows["lesion 1", "rim_against_core"]["number"] == pytest.approx(45, abs=12)
    assert rows["lesion 1", "central_vein"]["number"] == 0
    assert (tmp_path / "out" / "rims_thumbnails.png").is_file()


def test_lesions_of_another_grid_need_the_image_they_were_drawn_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rims(tmp_path / "maps")
    write_nifti(tmp_path / "far.nii.gz", np.ones(GRID.shape, np.uint8), GRID)

    status = main(
        ["analyze", "rims", str(tmp_path / "maps"), "-o", str(tmp_path / "out"),
         "--lesions", str(tmp_path / "far.nii.gz")]
    )  # fmt: skip

    assert status != 0
    assert "needed --flair" in capsys.readouterr().err
    assert not (tmp_path / "out" / "analysis.json").exists()
