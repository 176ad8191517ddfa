"""`streamrecon analyze … --dicom`: objects in the study of the images, else in one of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from checkers import complaints, entity_complaints
from map_files import oblique_grid, write_map
from pydicom import dcmread
from pydicom.dataset import Dataset

from streamrecon.cli import main
from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import volume_of
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Ids, PhaseSign, SignOrigin
from streamrecon.model.study import Study, StudyInfo, Subject
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.dicom import dicom_objects
from streamrecon.output.sidecar import Fact
from streamrecon.output.stored_volumes import volumes_at

highdicom = pytest.importorskip("highdicom", exc_type=ImportError)

GRID = oblique_grid((14, 21, 19))
NUCLEUS = np.zeros(GRID.shape, np.int16)
NUCLEUS[3:10, 4:12, 5:12] = 1


def write_maps(folder: Path) -> list[str]:
    """χ and R2* of a scan with one nucleus; the words that read its iron."""
    chi = np.random.default_rng(0).normal(0.01, 0.004, GRID.shape).astype(np.float32)
    chi[NUCLEUS > 0] += np.float32(0.15)
    facts: dict[str, Fact] = {
        "ImageComments": ["standard; zero: brain"],
        "MagneticFieldStrength": 3.0,
        "ReconstructionChain": "0123456789ab",
        "ReconstructionSoftwareVersion": "streamrecon 0.1.0",
    }
    write_map(folder / "maps", "scan_Chimap", Quantity.CHI, chi, GRID, **facts)
    rate = np.full(GRID.shape, 30, np.float32)
    write_map(folder / "maps", "scan_R2starmap", Quantity.R2_STAR, rate, GRID, **facts)
    write_nifti(folder / "labels.nii.gz", NUCLEUS, GRID)
    (folder / "labels.tsv").write_text("index\tname\n1\tleft putamen\n", encoding="utf-8")
    labels = ["--labels", str(folder / "labels.nii.gz")]
    return ["analyze", "iron", str(folder / "maps"), "-o", str(folder / "out"), *labels]


def write_scanner_images(
    folder: Path, grid: Geometry = GRID, study: str = "1.2.3"
) -> list[Dataset]:
    """Magnitudes of a patient, in files without an ending, as archives give them."""
    scan = bare_scan(grid, (0.005,), 3.0, PhaseSign(1, SignOrigin.GIVEN), name="gre")
    visit = StudyInfo(subject=Subject("A^B", "PID-9"), study=Study(date="2026-02-03"))
    ids = Ids(protocol="gre", study_uid=study, visit=visit)
    values = np.ones(grid.shape, np.float32)
    volume = replace(volume_of(scan, Quantity.MAGNITUDE, values, 0), echo=0)
    images = DicomScan(ids, Run(study)).images(volume).datasets
    folder.mkdir(exist_ok=True)
    (folder / "README").write_text("no DICOM")
    for number, image in enumerate(images):
        (folder / f"IM{number:04d}").write_bytes(part10(image))
    return images


def test_objects_join_the_patient_and_study_of_the_given_images(tmp_path: Path) -> None:
    words = write_maps(tmp_path)
    images = write_scanner_images(tmp_path / "images")

    main([*words, "--dicom", "--dicom-page", "--dicom-source", str(tmp_path / "images")])

    out = tmp_path / "out"
    files = sorted(out.glob("*.dcm"))
    assert [file.name for file in files] == [
        "iron_page.dcm", "iron_report.dcm", "iron_segments.dcm"
    ]  # fmt: skip
    assert not [line for lines in complaints(files).values() for line in lines if "Error" in line]
    assert "Error" not in entity_complaints(files)
    assert {dcmread(file).PatientID for file in files} == {"PID-9"}
    assert {str(dcmread(file).StudyInstanceUID) for file in files} == {"1.2.3"}
    volume = highdicom.seg.segread(out / "iron_segments.dcm").get_volume(combine_segments=True)
    places = volume.affine @ np.c_[np.argwhere(volume.array), np.ones(7 * 8 * 7)].T
    true = GRID.affine_lps() @ np.c_[np.argwhere(NUCLEUS), np.ones(7 * 8 * 7)].T
    assert np.allclose(sorted(places.T.tolist()), sorted(true.T.tolist()), atol=1e-3)
    origin = json.loads((out / "analysis.json").read_text())["readings"][0]["origin"]
    assert origin["study_uid"] == "1.2.3"
    assert origin["image_uids"] == [str(image.SOPInstanceUID) for image in images]
    assert origin["chain"] == "0123456789ab"
    assert origin["software"] == "streamrecon 0.1.0"
    assert json.loads((out / "analysis.json").read_text())["readings"][0]["files"] == [
        "iron_segments.dcm", "iron_page.dcm", "iron_report.dcm"
    ]  # fmt: skip


def test_without_images_a_new_study_is_made_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = write_maps(tmp_path)

    main([*words, "--dicom"])
    main([*words, "--dicom"])

    assert "a new study was made" in capsys.readouterr().err
    out = tmp_path / "out"
    study = sorted((out / "dicom_study").glob("*.dcm"))
    assert len(study) == GRID.shape[0]
    assert not [line for lines in complaints(study).values() for line in lines if "Error" in line]
    report = dcmread(out / "iron_report.dcm")
    assert report.StudyInstanceUID == dcmread(study[0]).StudyInstanceUID
    referred = {str(i.value) for i in report.iterall() if i.keyword == "ReferencedSOPInstanceUID"}
    assert {str(dcmread(file).SOPInstanceUID) for file in study} <= referred
    (shown,) = volumes_at(out / "dicom_study")
    assert shown.quantity is Quantity.CHI
    assert len(volumes_at(out)) == 1  # objects of readings are no volumes


@pytest.mark.parametrize(
    ("prepare", "needed"),
    [("moved", "no MR images on the voxels"), ("two studies", "2 studies"), ("none", "highdicom")],
)
def test_images_that_do_not_fit_are_refused_before_the_work(
    prepare: str,
    needed: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = write_maps(tmp_path)
    moved = replace(GRID, centre_lps_mm=(9.0, 0.0, 0.0))
    write_scanner_images(tmp_path / "images", moved if prepare == "moved" else GRID)
    if prepare == "two studies":
        write_scanner_images(tmp_path / "images/other", study="1.2.4")
    if prepare == "none":
        monkeypatch.setattr(dicom_objects, "find_spec", lambda _: None)

    status = main([*words, "--dicom", "--dicom-source", str(tmp_path / "images")])

    assert status != 0
    assert needed in capsys.readouterr().err
    assert not (tmp_path / "out/analysis.json").exists()
