"""Readings are made behind the maps, where they are asked for, and what fails is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from analysis_form import faults_of_report
from chain_items import BALLS, GRID, Item, items, read
from lesion_scene import oblique
from made_maps import chi_map, total_field_of
from narrowing import as_a
from numpy.typing import NDArray
from pydicom import dcmread
from streamrecon_gadgets.exchange.dicom import WriteDicomFolder
from streamrecon_gadgets.maps.readings import MakeReadings

from streamrecon.model.images import volume_of
from streamrecon.model.memory_use import ScanSize
from streamrecon.model.notice import Level
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.stream.gadget import Context


def test_the_report_lies_beside_the_images_and_its_sum_is_told(tmp_path: Path) -> None:
    (notice,) = read(MakeReadings(readings=("lesions",)), items(), tables=tmp_path)

    assert notice.level is Level.INFO
    assert "1 bleed, 1 calcification" in notice.text
    assert "research use" in notice.text
    report = json.loads((tmp_path / "scan_run-1_readings/analysis.json").read_text())
    assert report["scan"]["name"] == "brain-1-mm"
    moments = [v for v in report["readings"][0]["values"] if v["name"] == "moment"]
    assert [v["quality"] for v in moments if v["quality"] != "vessel"] == ["bleed", "calcification"]
    assert moments[0]["number"] == pytest.approx(BALLS[0].moment, rel=0.12)


def test_a_service_keeps_it_in_its_storage(tmp_path: Path) -> None:
    read(MakeReadings(readings=("lesions",)), items(), storage=tmp_path)

    assert (tmp_path / "readings/scan_run-1_readings/analysis.html").is_file()


def test_nothing_is_read_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert read(MakeReadings(), items(), tables=tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_without_a_brain_the_quality_alone_is_read_and_the_rest_refused(tmp_path: Path) -> None:
    gadget = MakeReadings(readings=("qc", "lesions"))

    quality, lesions = read(gadget, items(is_brain=False), tables=tmp_path)

    assert "could not be told: whether the phase sign is right" in quality.text
    assert "lesions refused; no brain was recognised" in lesions.text
    assert lesions.level is Level.WARNING
    report = json.loads((tmp_path / "scan_run-1_readings/analysis.json").read_text())
    rows = {each["kind"]: each for each in report["readings"]}
    assert rows["qc"]["light"] in {"unjudged", "amber", "red"}
    assert rows["lesions"]["outcome"] == "refused"


def test_no_reading_begins_when_the_time_is_up_and_the_report_is_partial(tmp_path: Path) -> None:
    gadget = MakeReadings(readings=("lesions", "sources"), seconds=1e-9)

    notices = read(gadget, items(), tables=tmp_path)

    assert ["partial: no time" in notice.text for notice in notices] == [True, True]
    report = json.loads((tmp_path / "scan_run-1_readings/analysis.json").read_text())
    assert [each["outcome"] for each in report["readings"]] == ["refused", "refused"]


def test_several_readings_make_one_report_and_those_that_lack_something_are_refused(
    tmp_path: Path,
) -> None:
    wanted = ("rims", "iron", "veins", "sources", "lesions")

    notices = read(MakeReadings(readings=wanted), items(), tables=tmp_path)

    assert faults_of_report(tmp_path / "scan_run-1_readings/analysis.json") == []
    report = json.loads((tmp_path / "scan_run-1_readings/analysis.json").read_text())
    assert {each["kind"]: each["outcome"] for each in report["readings"]} == {
        "lesions": "given", "veins": "flagged", "iron": "refused", "rims": "refused",
        "sources": "refused",
    }  # fmt: skip
    texts = " ".join(notice.text for notice in notices)
    assert "needed the parameter labels" in texts
    assert "needed the parameter lesion_mask" in texts
    assert "found no R2*" in texts


def test_iron_and_rims_are_read_where_their_files_were_pushed(tmp_path: Path) -> None:
    echoes, chi, veins = items()
    assert isinstance(chi, ChiMap)
    numbers = np.zeros(GRID.shape, np.int16)
    numbers[8:16, 8:16, 8:16] = 1
    write_nifti(tmp_path / "labels" / "nuclei.nii.gz", numbers, GRID)
    (tmp_path / "labels" / "nuclei.tsv").write_text("index\tname\n1\tleft putamen\n")
    write_nifti(tmp_path / "labels" / "ms.nii.gz", numbers, GRID)
    rate = volume_of(chi.scan, Quantity.R2_STAR, np.full(GRID.shape, 30, np.float32), 0)
    gadget = MakeReadings(
        readings=("iron", "rims"), labels="nuclei.nii.gz", lesion_mask="ms.nii.gz"
    )

    read(gadget, [echoes, chi, veins, rate], storage=tmp_path)

    report = json.loads((tmp_path / "readings/scan_run-1_readings/analysis.json").read_text())
    iron, rims = report["readings"]
    rows = {(v["subject"], v["name"]): v["number"] for v in iron["values"]}
    assert rows["left putamen", "mean_r2star"] == pytest.approx(30)
    assert rims["outcome"] != "refused"
    assert rims["values"]


def test_a_nucleus_that_fell_since_the_report_of_the_visit_before_is_told(tmp_path: Path) -> None:
    echoes, chi, veins = items()
    chi = as_a(ChiMap, chi)
    numbers = np.zeros(GRID.shape, np.int16)
    numbers[8:16, 8:16, 8:16] = 1
    write_nifti(tmp_path / "labels" / "nuclei.nii.gz", numbers, GRID)
    (tmp_path / "labels" / "nuclei.tsv").write_text("index\tname\n1\tleft putamen\n")
    kept = tmp_path / "readings/scan_run-1_readings/analysis.json"
    read(
        MakeReadings(readings=("iron",), labels="nuclei.nii.gz"),
        [echoes, chi, veins],
        storage=tmp_path,
    )
    kept.rename(tmp_path / "labels" / "before.json")
    now = chi.chi_ppm - np.where(numbers == 1, np.float32(0.02), 0)
    later = chi_map(np.where(chi.mask, now, 0), chi.found.total, chi.scan)

    words = {"labels": "nuclei.nii.gz", "baseline": "before.json"}
    gadget = MakeReadings(readings=("change",), **words)
    read(gadget, [echoes, later, veins], storage=tmp_path)

    (change,) = json.loads(kept.read_text())["readings"]
    rows = {v["name"]: v for v in change["values"] if v["subject"] == "left putamen"}
    # against the whole brain, whose mean falls by the region's part of it
    part = (numbers == 1)[chi.mask].mean()
    assert rows["change_chi"]["number"] == pytest.approx(-20 * (1 - part), abs=0.3)
    assert rows["change_chi"]["quality"] == "changed"
    assert change["reasons"] == []  # the same grid, echoes, chain and mask


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        ("", "needed both: baseline and labels"),
        ("none.json", "none.json: cannot be read: No such file"),
        ("other.json", "other.json: is no report of readings"),
        ("../labels/other.json", "needed the name of a file in labels"),
    ],
)
def test_without_a_visit_before_a_change_is_refused(
    baseline: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "other.json").write_text("{}")

    told = read(MakeReadings(readings=("change",), baseline=baseline), items(), storage=tmp_path)

    assert said in " ".join(notice.text for notice in told)
    assert "change refused" in told[-1].text


def mixture() -> tuple[list[Item], NDArray[np.float32]]:
    """Tissue of 60 ppb of either sign everywhere: χ about 0, R2* is 137 x 0.12 above R2; and R2."""
    echoes, chi, veins = items()
    chi = as_a(ChiMap, chi)
    mask, scan = chi.found.mask, chi.scan
    nothing = np.zeros(GRID.shape, np.float32)
    total = total_field_of(mask, field_ppm=nothing, sd_ppm=np.full(GRID.shape, 0.003, np.float32))
    random = np.random.default_rng(3)
    r2 = random.uniform(11, 13, GRID.shape).astype(np.float32)
    chi_ppm = mask * random.normal(0, 1e-3, GRID.shape).astype(
        np.float32
    )  # quadrants need a spread
    rate = volume_of(scan, Quantity.R2_STAR, r2 + np.float32(137 * 0.12), 0)
    return [echoes, chi_map(chi_ppm, total, scan), veins, rate], r2


def test_sources_are_read_jointly_and_with_a_pushed_r2_where_that_is_asked(
    tmp_path: Path,
) -> None:
    given, r2 = mixture()
    write_nifti(tmp_path / "labels" / "r2.nii.gz", r2, GRID)

    read(
        MakeReadings(readings=("sources",), r2="r2.nii.gz", joint_sources=True, d_negative=68.5),
        given,
        storage=tmp_path,
    )

    report = json.loads((tmp_path / "readings/scan_run-1_readings/analysis.json").read_text())
    (sources,) = report["readings"]
    rows = {v["name"]: v["number"] for v in sources["values"] if v["subject"] == "whole brain"}
    each = 1e3 * 0.12 * 137 / (137 + 68.5)  # as much of either sign, whose R2' is the measured one
    assert rows["chi_positive"] == pytest.approx(each, rel=0.01)
    assert rows["joint_chi_positive"] == pytest.approx(each, rel=0.05)
    assert rows["joint_chi_negative"] == pytest.approx(each, rel=0.05)
    assert rows["coherence"] == pytest.approx(1.0)
    assert sources["parameters"]["r2"] == "map"
    assert sources["parameters"]["d_negative_per_s_ppm"] == 68.5


def test_sources_are_read_voxel_by_voxel_with_a_pseudo_r2_unless_more_is_asked(
    tmp_path: Path,
) -> None:
    given, _ = mixture()
    small = oblique((5, 5, 5), (1.2, 1.0, 1.0))
    write_nifti(tmp_path / "labels" / "r2.nii.gz", np.ones(small.shape, np.float32), small)

    told = read(MakeReadings(readings=("sources",), r2="r2.nii.gz"), given, storage=tmp_path)

    assert "r2.nii.gz: lies on another grid" in told[0].text
    report = json.loads((tmp_path / "readings/scan_run-1_readings/analysis.json").read_text())
    (sources,) = report["readings"]
    assert {v["name"] for v in sources["values"] if v["name"].startswith("joint")} == set()
    assert sources["parameters"]["r2"] == "pseudo, 13 1/s"
    assert "R2' is pseudo" in told[1].text


def test_the_joint_fit_states_its_memory() -> None:
    size = ScanSize(grid_bytes=0, n_echoes=5, n_voxels=10**6, n_padded=2 * 10**6)
    plain = MakeReadings(readings=("sources",)).memory_use().bytes_of(size)

    joint = MakeReadings(readings=("sources",), joint_sources=True).memory_use().bytes_of(size)

    # 22 copies of single precision of a grid that padding makes some 2.2 times as large
    assert joint - plain > 22 * 4 * 2.2 * 10**6
    assert MakeReadings(joint_sources=True).memory_use().bytes_of(size) == plain


@pytest.mark.parametrize("name", ["../labels/a.nii", "/etc/passwd", "none.nii"])
def test_a_file_that_is_not_among_the_labels_is_told_and_not_opened(
    name: str, tmp_path: Path
) -> None:
    gadget = MakeReadings(readings=("iron",), labels=name)

    first, second = read(gadget, items(), storage=tmp_path)

    assert (first.level, second.level) == (Level.WARNING, Level.WARNING)
    assert "labels" in first.text or "cannot be read" in first.text
    assert "iron refused" in second.text


def test_a_reading_that_fails_is_a_refused_one_and_told(tmp_path: Path) -> None:
    echoes, chi, veins = items()
    as_a(ChiMap, chi).found.mask[...] = False

    (notice,) = read(MakeReadings(readings=("lesions",)), [echoes, chi, veins], tables=tmp_path)

    assert notice.level is Level.WARNING
    assert "the mask is empty" in notice.text
    report = json.loads((tmp_path / "scan_run-1_readings/analysis.json").read_text())
    assert report["readings"][0]["outcome"] == "refused"


def test_a_folder_that_takes_nothing_costs_the_report_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    (notice,) = read(MakeReadings(readings=("lesions",)), items(), tables=tmp_path / "file")

    assert notice.level is Level.WARNING
    assert "not kept" in notice.text


def test_what_sends_dicom_behind_it_sends_segments_and_report(tmp_path: Path) -> None:
    given = items()
    chi = given[1]
    assert isinstance(chi, ChiMap)
    image = volume_of(chi.scan, Quantity.CHI, chi.chi_ppm.astype(np.float32), 0)
    context = Context(storage=tmp_path, run="run 1", chain="abc")
    reads, sends = MakeReadings(readings=("lesions",), page=True), WriteDicomFolder()
    reads.enter(context)
    sends.enter(context)

    made = [out for item in (*given, image) for out in reads.feed(item)]
    made += reads.finish()
    for item in made:
        if isinstance(item, sends.accepts):
            list(sends.feed(item))
    list(sends.finish())

    files = [dcmread(file) for file in (tmp_path / "dicom").rglob("*.dcm")]
    images = {str(f.SOPInstanceUID) for f in files if f.Modality == "MR"}
    (segments,) = [file for file in files if file.Modality == "SEG"]
    (report,) = [file for file in files if file.Modality == "SR"]
    assert [str(each.SegmentLabel) for each in segments.SegmentSequence][:2] == [
        "lesion 1", "lesion 2"
    ]  # fmt: skip
    referred = {str(i.value) for i in report.iterall() if i.keyword == "ReferencedSOPInstanceUID"}
    assert referred - {str(segments.SOPInstanceUID)} <= images
    assert "chain: abc" in {str(item.value) for item in report.iterall()}
    assert {file.Modality for file in files} == {"MR", "SEG", "SR", "OT"}
    assert len({str(file.StudyInstanceUID) for file in files}) == 1
