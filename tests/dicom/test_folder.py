"""Images dropped into a folder are whole, and listed when their series is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from dicom_scans import GRIDS, IDS, scan_of, session_of
from pydicom import dcmread

from streamrecon.dicom.delivery.sending.folder import FolderDrop
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.storage.durable_files import write_files

SCAN = scan_of(GRIDS["axial"])


def drop(folder: Path, run: str = "run") -> list[Path]:
    dicom, target = DicomScan(IDS, Run(run)), FolderDrop(folder)
    for volume in session_of(SCAN):
        target.put(dicom.images(volume))
    return target.finish()


def test_a_manifest_lists_its_series_file_by_file(tmp_path: Path) -> None:
    manifests = drop(tmp_path)

    assert len(manifests) == sum(each.dicom is not None for each in Quantity)
    for path in manifests:
        listed = json.loads(path.read_bytes())["files"]
        assert {f["file"] for f in listed} == {p.name for p in path.parent.glob("*.dcm")}
        for file in listed:
            data = (path.parent / file["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == file["sha256"]
            assert dcmread(path.parent / file["file"]).SOPInstanceUID == file["sop_uid"]


def test_the_manifest_comes_last(tmp_path: Path) -> None:
    dicom, target = DicomScan(IDS, Run()), FolderDrop(tmp_path)

    folder = target.put(dicom.images(session_of(SCAN)[0]))

    assert {path.suffix for path in folder.iterdir()} == {".dcm"}
    assert target.finish() == [folder / "manifest.json"]


def test_the_same_images_again_replace_themselves_and_another_run_stands_beside(
    tmp_path: Path,
) -> None:
    first = drop(tmp_path)
    again = drop(tmp_path)
    other = drop(tmp_path, "other")

    assert first == again
    assert not set(first) & set(other)


def test_a_failure_leaves_no_part(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without folders"):
        write_files(tmp_path / "a", {"one": b"1", "../two": b"2"})

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_names_of_files_and_folders_tell_nothing_of_the_patient(tmp_path: Path) -> None:
    drop(tmp_path)

    names = " ".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))

    for known in ("ller", "PID", "1970"):
        assert known not in names.replace("_2.25", "")
