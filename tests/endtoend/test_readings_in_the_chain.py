"""Readings are made behind the maps of a whole chain, from raw lines, and leave as DICOM too."""

from __future__ import annotations

import json
import re
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis_form import faults_of_report
from checkers import complaints, entity_complaints
from numpy.typing import NDArray
from pydicom import dcmread
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import voxel_centres
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.inclusions import Inclusion
from streamrecon_simulator.whole_head.tissues import Label
from streamrecon_simulator.whole_head.voxel_means import voxel_means
from streamrecon_simulator.write import write_scan

from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.cli import main
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.report import add_reading
from streamrecon.output.readings.report_model import ScanRow

readers = pytest.importorskip("object_readers", exc_type=ImportError)

BLEED = Inclusion((30.0, -22.0, 28.0), 6.0, 0.8)
STONE = Inclusion((-31.0, 18.0, 26.0), 6.0, -0.8)
CONFIG = Path(__file__).parents[2] / "config"
IMAGES = "MR Image"
NUCLEI = {Label.CAUDATE: "caudate", Label.PUTAMEN: "putamen", Label.PALLIDUM: "pallidum"}
PLAQUE_MM = (30.0, 30.0, 22.0)
"""A lesion without a rim, in white matter."""
ASKED = {
    "readings": "qc,lesions,veins,oximetry,iron,change,rims,sources",
    "labels": "nuclei.nii.gz",
    "norms": "norms.tsv",
    "age_years": "50",
    "preset": "wilson",
    "baseline": "before.json",
    "lesion_mask": "ms.nii.gz",
    "r2": "r2.nii.gz",
    "joint_sources": "true",
    "page": "true",
    "seconds": "10000",  # whatever else runs here
}
NORMS = (
    "region\tquantity\treference\tmean\tsd\tage_from\tage_to\n"
    "pallidum\tchi\twhole brain\t120\t20\t40\t60\n"
)


@dataclass(frozen=True)
class ReadScan:
    """What one scan left: its report, what was told, DICOM files by the name of their class."""

    report: Path
    readings: dict[str, Any]
    told: str
    files: dict[str, list[Path]]


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> ReadScan:
    """A head with both lesions through `gre_readings` with every reading, DICOM files behind it."""
    folder = tmp_path_factory.mktemp("readings")
    scene = replace(
        SCENES["whole-head"],
        phantom=WholeHead(2, grain_mm=1.3, inclusions=(BLEED, STONE)),
        matrix=(44, 100, 80),
        centre_lps_mm=(0.0, -4.0, 20.0),
        voxel_mm=(2.25, 2.25, 2.25),
        n_coils=1,
        te_s=(0.004, 0.011, 0.018),
    )
    write_scan(simulate(scene), folder / "head.h5")
    push(scene, folder / "storage" / "labels")
    text = (CONFIG / "gre_readings.xml").read_text(encoding="utf-8")
    behind = r"\1<gadget><name>WriteDicomFolder</name></gadget>"
    chain = re.sub(r"(<name>MakeReadings</name>.*?</gadget>)", behind, text, flags=re.DOTALL)
    (folder / "chain.xml").write_text(chain, encoding="utf-8")

    words = ["replay", str(folder / "head.h5"), "--config", str(folder / "chain.xml")]
    wanted = [w for name, value in ASKED.items() for w in ("--set", f"MakeReadings.{name}={value}")]
    out = ["-o", str(folder), "--format", "png", "--storage", str(folder / "storage")]
    with redirect_stderr(StringIO()) as said:
        status = main([*words, *wanted, *out])

    assert status == 0
    (file,) = (folder / "head").rglob("analysis.json")
    readings = {each["kind"]: each for each in json.loads(file.read_text())["readings"]}
    files: dict[str, list[Path]] = {}
    for path in sorted((folder / "storage").rglob("*.dcm")):
        kind = dcmread(path, stop_before_pixels=True).SOPClassUID.name
        files.setdefault(kind.removesuffix(" Storage"), []).append(path)
    return ReadScan(file, readings, said.getvalue(), files)


def push(scene: Scene, folder: Path) -> None:
    """What a site would have pushed for the patient."""
    assert isinstance(scene.phantom, WholeHead)
    grid, labels = scene.geometry, voxel_means(scene.phantom, scene.geometry).labels
    numbers = np.where(np.isin(labels, list(NUCLEI)), labels, 0).astype(np.int16)
    write_nifti(folder / "nuclei.nii.gz", numbers, grid)
    names = "".join(f"{int(label)}\t{name}\n" for label, name in NUCLEI.items())
    (folder / "nuclei.tsv").write_text(f"index\tname\n{names}")
    away = voxel_centres(grid) - np.reshape(PLAQUE_MM, (3, 1, 1, 1))
    write_nifti(folder / "ms.nii.gz", ((away**2).sum(axis=0) < 64).astype(np.int16), grid)
    r2 = np.random.default_rng(0).uniform(10, 14, grid.shape).astype(np.float32)
    write_nifti(folder / "r2.nii.gz", r2, grid)
    (folder / "norms.tsv").write_text(NORMS)
    before = Value(
        subject="pallidum", name="robust_mean_chi", number=0.0, unit="ppb", reference="whole brain"
    )
    iron = Reading(kind="iron", outcome=Outcome.GIVEN, method="", values=(before,))
    row = ScanRow(
        name="before", shape=grid.shape, voxel_mm=grid.voxel_mm, b0_axis=(1.0, 0.0, 0.0), b0_t=3.0,
        te_s=scene.te_s,
    )  # fmt: skip
    add_reading(folder / "visit", iron, row, sources={})
    (folder / "visit" / "analysis.json").rename(folder / "before.json")


@pytest.mark.long
def test_the_report_of_every_reading_is_of_the_published_form(scan: ReadScan) -> None:
    assert faults_of_report(scan.report) == []
    outcomes = {kind: row["outcome"] for kind, row in scan.readings.items()}
    assert set(outcomes) == set(ASKED["readings"].split(","))
    assert "refused" not in outcomes.values()


@pytest.mark.long
def test_every_part_that_was_asked_for_is_in_the_report(scan: ReadScan) -> None:
    rows = {
        kind: {(v["subject"], v["name"]): v["number"] for v in row["values"]}
        for kind, row in scan.readings.items()
    }
    mean = next(
        v["number"]
        for v in scan.readings["iron"]["values"]
        if (v["subject"], v["name"], v["reference"])
        == ("pallidum", "robust_mean_chi", "whole brain")
    )
    assert rows["iron"]["pallidum", "z_chi"] == pytest.approx((mean - 120) / 20, abs=1e-3)
    assert rows["change"]["pallidum", "change_chi"] == pytest.approx(mean, abs=1e-3)
    assert ("whole brain", "joint_chi_positive") in rows["sources"]
    assert rows["rims"]["patient", "lesions: no rim"] == 1
    shown = {each["file"] for row in scan.readings.values() for each in row["figures"]}
    assert shown >= {
        "lesions_thumbnails.png", "rims_thumbnails.png", "iron_regions.png", "change_chi.png",
        "sources_quadrants.png", "sources_histogram.png",
    }  # fmt: skip
    warning = "copper is not iron"
    assert any(warning in reason for reason in scan.readings["iron"]["reasons"])
    assert warning in scan.report.with_name("analysis.html").read_text(encoding="utf-8")
    (report,) = of_reading("iron", scan.files["Comprehensive 3D SR"])
    assert any(warning in str(item.value) for item in dcmread(report).iterall())


@pytest.mark.long
def test_a_bleed_and_a_calcification_are_told_apart_inline(scan: ReadScan) -> None:
    assert "research use only" in scan.told
    measured = scan.readings["qc"]["values"]
    worked = {v["subject"]: v["number"] for v in measured if v["name"] == "worked"}
    assert worked["InvertField"] > 0
    assert scan.readings["qc"]["light"] == "unjudged"  # a slab of 99 mm: B0 may point elsewhere
    for true, kind in ((BLEED, "bleed"), (STONE, "calcification")):
        (lesion,) = lesions_at(scan, true)
        assert lesion["moment"]["quality"] == kind
        # Voxels of 2.25 mm are as wide as a third of the lesion; at 1 mm it is 10 %.
        assert lesion["moment"]["number"] == pytest.approx(true.moment_ppm_mm3, rel=0.3)


@pytest.mark.long
def test_objects_of_all_readings_are_valid_and_of_one_study(scan: ReadScan) -> None:
    made = [file for kind, files in scan.files.items() if kind != IMAGES for file in files]

    errors = [line for lines in complaints(made).values() for line in lines if "Error" in line]
    assert errors == []
    assert "Error" not in entity_complaints([*made, *scan.files[IMAGES][:3]])
    assert {kind: len(files) for kind, files in scan.files.items() if kind != IMAGES} == {
        "Comprehensive 3D SR": 8,
        "Secondary Capture Image": 8,
        "Segmentation": 7,  # all but the quality of the scan have a place
        "Parametric Map": 6,  # R2', coherence, sources of both signs by voxels and jointly
    }
    image = dcmread(scan.files[IMAGES][0], stop_before_pixels=True)
    for file in map(dcmread, made):
        assert file.StudyInstanceUID == image.StudyInstanceUID
        assert file.PatientID == image.PatientID
        assert file.ContentQualification == "RESEARCH"


@pytest.mark.long
@pytest.mark.parametrize("reader", readers.READERS)
def test_maps_of_the_sources_have_the_signs_of_the_lesions(reader: str, scan: ReadScan) -> None:
    named = {str(dcmread(file).ContentDescription): file for file in scan.files["Parametric Map"]}
    sources = {sign: named[f"chi_{sign}"] for sign in ("positive", "negative")}
    seen = {sign: readers.READERS[reader](file) for sign, file in sources.items()}
    for true, (more, less) in (
        (BLEED, ("positive", "negative")),
        (STONE, ("negative", "positive")),
    ):
        at = {sign: value_at(seen[sign], true, sources[sign]) for sign in seen}
        # 0.8 ppm in balls of under three voxels, whose values ring: sign and unit are the claim.
        assert 0.3 < at[more] < 2.0
        assert at[less] < 0.3 * at[more]


@pytest.mark.long
@pytest.mark.parametrize("reader", readers.READERS)
def test_other_readers_find_the_lesions_where_they_are(reader: str, scan: ReadScan) -> None:
    """Their segments, and the signed moments of the report."""
    (file,) = of_reading("lesions", scan.files["Segmentation"])
    (report,) = of_reading("lesions", scan.files["Comprehensive 3D SR"])
    segments, seen = readers.READERS[reader](file), readers.READERS[reader](report)
    names = {each["moment"]["subject"] for each in lesions_of(scan)}
    assert set(segments.segments) == names
    moments = [number for name, number, _ in seen.numbers if name == "moment"]
    told = [each["moment"]["number"] for each in lesions_of(scan)]
    np.testing.assert_allclose(sorted(moments), sorted(told), rtol=1e-6)
    for true in (BLEED, STONE):
        (lesion,) = lesions_at(scan, true)
        number = segments.segments.index(lesion["moment"]["subject"]) + 1
        away = centre_mm(segments, number, file) - np.array(true.centre_mm)
        assert np.linalg.norm(away) < 2.25  # a voxel


@pytest.mark.long
def test_the_chain_of_all_images_has_what_readings_are_made_of() -> None:
    names = [
        re.findall(r"<name>(\w+)</name>", (CONFIG / file).read_text(encoding="utf-8"))
        for file in ("gre_readings.xml", "gre_full.xml")
    ]
    of_maps, of_all = (
        {name for name in each[: each.index("MakeReadings")] if name[0].isupper()} for each in names
    )
    assert of_maps <= of_all


def of_reading(kind: str, files: list[Path]) -> list[Path]:
    """Those that one reading made."""
    return [
        file for file in files
        if str(dcmread(file, stop_before_pixels=True).SeriesDescription).startswith(f"{kind} ")
    ]  # fmt: skip


def lesions_of(scan: ReadScan) -> list[dict[str, Any]]:
    """Rows of each lesion by their names."""
    rows: dict[str, dict[str, Any]] = {}
    for row in scan.readings["lesions"]["values"]:
        rows.setdefault(row["subject"], {})[row["name"]] = row
    return [each for each in rows.values() if "moment" in each]


def lesions_at(scan: ReadScan, true: Inclusion) -> list[dict[str, Any]]:
    """Those whose centre lies within 2 mm of the true one on every axis."""
    return [
        each for each in lesions_of(scan)
        if all(
            abs(each[name]["number"] - mm) < 2.0
            for name, mm in zip(("left", "posterior", "superior"), true.centre_mm, strict=True)
        )
    ]  # fmt: skip


def axes_mm(file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps [L, P, S] from a row to the next and from a column to the next."""
    shared = dcmread(file).SharedFunctionalGroupsSequence[0]
    turned = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    row, column = np.array(turned, float).reshape(2, 3)
    down, right = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    return column * down, row * right


def value_at(seen: Any, true: Inclusion, file: Path) -> float:
    """A map's value in the voxel nearest to a lesion's centre."""
    down, right = axes_mm(file)
    y, x = np.indices(seen.pixels.shape[1:])[..., None]
    places = seen.places[:, None, None] + y * down + x * right
    away = np.linalg.norm(places - np.array(true.centre_mm), axis=-1)
    return float(seen.pixels[np.unravel_index(away.argmin(), away.shape)])


def centre_mm(seen: Any, segment: int, file: Path) -> NDArray[np.float64]:
    """Centre [L, P, S] of a segment's voxels as a reader places them."""
    down, right = axes_mm(file)
    places = [
        corner + down * y + right * x
        for number, frame, corner in zip(seen.segment_of, seen.pixels, seen.places, strict=True)
        if number == segment
        for y, x in np.argwhere(frame)
    ]
    return np.asarray(np.mean(places, axis=0))
