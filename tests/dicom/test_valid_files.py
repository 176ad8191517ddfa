"""Every file of a session is valid, for the checkers that hospitals' engineers use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from checkers import allowed_warnings, complaints, entity_complaints
from dicom_scans import GRIDS, IDS, scan_of, session_of, volume_of
from pydicom import dcmread

from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Ids, Scan
from streamrecon.model.study import SourceSeries, Study, StudyInfo, Subject

KINDS = {
    "axial": (scan_of(GRIDS["axial"]), Run(chain="sha256:0123abcd")),
    "oblique": (scan_of(GRIDS["oblique"]), Run(is_upright=True)),
    "left-handed": (scan_of(GRIDS["left-handed"]), Run()),
    "slices": (scan_of(GRIDS["mirrored"], is_2d=True), Run()),
    "pseudonym": (scan_of(GRIDS["even"]), Run(secret=b"a secret")),
    "no patient": (scan_of(GRIDS["axial"], ids=Ids(), patient_position=""), Run()),
    "no scanner": (scan_of(GRIDS["axial"], vendor="", model=""), Run()),
    "knee": (
        scan_of(GRIDS["axial"], ids=replace(IDS, visit=StudyInfo(study=Study(body_part="KNEE")))),
        Run(),
    ),
}
AWKWARD = StudyInfo(
    Subject("Жанна^\\Ж=山田^太郎=^^^^^^^^", "I" * 80 + "\n", "1970", "female", "NaN"),
    Study("soon", "25:00", "S" * 40, "A\\B" * 20, "", "d" * 100, "Kopf, innen & außen"),
    SourceSeries("2026-02-03+01:00", "12:40:00.1234567Z", "-3", "H" * 99, "x" * 40, "\x00\x1b"),
)


def write_session(scan: Scan, run: Run, folder: Path) -> list[Path]:
    """All outputs of a scan as files."""
    dicom, files = DicomScan(scan.protocol.ids, run), []
    for volume in session_of(scan):
        files += write_volume(dicom, volume, folder)
    return files


def is_allowed(line: str, file: Path) -> bool:
    """Whether the file may have this complaint: see dciodvfy-allowed.txt."""
    head = dcmread(file, stop_before_pixels=True)
    rescale, missing = allowed_warnings()
    if line.startswith(tuple(missing)):
        keyword = line.rsplit(" - ", 1)[1].removeprefix("attribute").strip(" <>").replace(" ", "")
        return not head[keyword].value
    return head.get("RescaleSlope", 1) != 1 and line.startswith(tuple(rescale))


def write_volume(dicom: DicomScan, volume: Volume, folder: Path) -> list[Path]:
    """One volume as files, numbered by place."""
    images, files = dicom.images(volume), []
    for image in images.datasets:
        files.append(folder / f"{images.series_number}-{image.InstanceNumber}.dcm")
        files[-1].write_bytes(part10(image))
    return files


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_has_no_error_and_no_warning_but_the_allowed(kind: str, tmp_path: Path) -> None:
    files = write_session(*KINDS[kind], tmp_path)

    said = complaints(files)

    for file, lines in said.items():
        assert [line for line in lines if not is_allowed(line, file)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_a_session_agree_on_patient_study_and_series(
    kind: str, tmp_path: Path
) -> None:
    assert entity_complaints(write_session(*KINDS[kind], tmp_path)) == ""


def test_a_map_of_susceptibility_has_no_warning(tmp_path: Path) -> None:
    scan, run = KINDS["oblique"]
    chi = volume_of(scan, Quantity.CHI)

    said = complaints(write_volume(DicomScan(IDS, run), chi, tmp_path))

    assert list(said.values()) == [[]] * scan.geometry.shape[0]


def test_awkward_texts_of_a_header_make_valid_files(tmp_path: Path) -> None:
    ids = replace(IDS, visit=AWKWARD, study_uid="1.02.abc", protocol="x-Karte " * 12)
    scan = scan_of(GRIDS["axial"], ids=ids, vendor="V" * 70, patient_position="HEAD FIRST")
    dicom = DicomScan(ids, Run())

    files = write_volume(dicom, session_of(scan)[0], tmp_path)

    said = complaints(files)
    assert [x for file in files for x in said[file] if not is_allowed(x, file)] == []


def test_a_header_without_patient_and_study_makes_valid_files(tmp_path: Path) -> None:
    scan = scan_of(GRIDS["axial"], ids=Ids())
    dicom = DicomScan(Ids(), Run())

    files = [f for volume in session_of(scan) for f in write_volume(dicom, volume, tmp_path)]

    said = complaints(files)
    assert [x for file in files for x in said[file] if not is_allowed(x, file)] == []
    assert dcmread(files[0]).PatientID == ""


def test_dciodvfy_can_complain(tmp_path: Path) -> None:
    scan = scan_of(GRIDS["axial"])
    file = write_volume(DicomScan(IDS, Run()), session_of(scan)[0], tmp_path)[0]
    broken = dcmread(file)
    del broken.PixelSpacing
    broken.save_as(file)

    assert any(line.startswith("Error") for line in complaints([file])[file])
