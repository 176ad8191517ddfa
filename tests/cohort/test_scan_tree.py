"""Which scans a tree holds, and what they are called."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from streamrecon.cohort.bids_names import ResultName, bids_path
from streamrecon.cohort.entities import entities_of
from streamrecon.cohort.scan_tree import DICOM, NIFTI, RAW, find_scans, listed
from streamrecon.errors import ConfigError


def touch(tree: Path, *names: str, text: bytes = b"") -> None:
    for name in names:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def test_raw_files_are_scans_whatever_they_are_called(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01/ses-2/sub-01_ses-2_run-1.h5", "site A/scan_3.mrd", "notes.txt")

    found = find_scans(listed(tmp_path))

    assert {scan.name: scan.kind for scan in found} == {
        "sub-01_ses-2_run-1": RAW,
        "sub-siteAscan3": RAW,
    }


def test_files_that_differ_in_part_and_echo_are_one_scan_with_echoes_in_order(
    tmp_path: Path,
) -> None:
    names = [
        f"sub-1/anat/sub-1_echo-{echo}_part-{part}_MEGRE.nii.gz"
        for echo in (1, 2, 10)
        for part in ("mag", "phase")
    ]
    touch(tmp_path, *names)

    (scan,) = find_scans(listed(tmp_path))

    assert scan.kind == NIFTI
    words = [str(word).rpartition("/")[2].removeprefix("sub-1_") for word in scan.given]
    phase, magnitude = (
        [f"echo-{echo}_part-{part}_MEGRE.nii.gz" for echo in (1, 2, 10)]
        for part in ("phase", "mag")
    )
    assert words == ["--phase", *phase, "--mag", *magnitude]


def test_a_packed_half_and_one_that_is_not_are_a_pair(tmp_path: Path) -> None:
    touch(tmp_path, "sub-1_part-phase_MEGRE.nii.gz", "sub-1_part-mag_MEGRE.nii")

    (scan,) = find_scans(listed(tmp_path))

    assert (scan.name, scan.kind, len(scan.files)) == ("sub-1", NIFTI, 2)


def test_half_of_a_pair_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    touch(tmp_path, "sub-1_part-phase_MEGRE.nii.gz")

    (scan,) = find_scans(listed(tmp_path))

    assert scan.fault == "sub-1_MEGRE: found part phase, needed phase and mag"


def test_dicom_of_a_session_is_one_scan_however_it_is_sorted(tmp_path: Path) -> None:
    dicom = bytes(128) + b"DICM"
    names = (
        "sub-1/ses-a/mag/1",
        "sub-1/ses-a/pha/1.ima",
        "sub-1/ses-b/x/y/1.dcm",
        "other/1",
        "other/2",
    )
    touch(tmp_path, *names, text=dicom)

    found = find_scans(listed(tmp_path))

    assert {scan.name: len(scan.files) for scan in found} == {
        "sub-1_ses-a": 2,
        "sub-1_ses-b": 1,
        "sub-other": 2,
    }
    assert {scan.kind for scan in found} == {DICOM}


def test_derivatives_and_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "derivatives/x/sub-1.h5", ".cache/sub-1.h5", "sub-1.h5")

    assert len(find_scans(listed(tmp_path))) == 1


def test_two_scans_of_one_name_cost_themselves_and_are_told_with_both_files(tmp_path: Path) -> None:
    touch(tmp_path, "a/sub-1.h5", "b/SUB-1.h5", "b/sub-1.h5", "b/sub-2.h5")

    refused, *others = find_scans(listed(tmp_path))

    assert "a/sub-1.h5 and b/sub-1.h5 would all be called sub-1" in refused.fault
    assert [(other.name, other.fault) for other in others] == [("sub-2", ""), ("sub-bSUB1", "")]


@pytest.mark.parametrize("what", ["nothing", "a file"])
def test_a_tree_without_scans_says_what_was_found(tmp_path: Path, what: str) -> None:
    tree = tmp_path / "tree"
    if what == "a file":
        tree.write_text("x")
    else:
        touch(tree, "readme.txt")

    with pytest.raises(ConfigError, match=r"found (1 files|an unknown kind)"):
        find_scans(listed(tree))


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("gre_Chimap", "sub-1/anat/sub-1_acq-hi_run-2_Chimap"),
        ("gre_desc-sd_R2starmap", "sub-1/anat/sub-1_acq-hi_run-2_desc-sd_R2starmap"),
        ("gre_echo-3_part-phase_MEGRE", "sub-1/anat/sub-1_acq-hi_run-2_echo-3_part-phase_MEGRE"),
        ("gre_swi", "sub-1/anat/sub-1_acq-hi_run-2_desc-swi_T2starw"),
        ("gre_desc-diamagnetic_swi", "sub-1/anat/sub-1_acq-hi_run-2_desc-diamagneticSwi_T2starw"),
        ("gre_mask", "sub-1/anat/sub-1_acq-hi_run-2_desc-brain_mask"),
        ("gre_fieldmap", "sub-1/fmap/sub-1_acq-hi_run-2_fieldmap"),
        ("gre_run-4_Chimap", "sub-1/anat/sub-1_acq-hi_run-2n4_Chimap"),
    ],
)
def test_results_are_named_as_bids_wants_them(stem: str, expected: str) -> None:
    scan = entities_of(PurePath("sub-1_acq-hi_run-2.h5"))

    assert bids_path(scan, ResultName.of(stem)).as_posix() == expected
