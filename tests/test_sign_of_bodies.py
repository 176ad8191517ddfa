"""The sign of an abdomen, which has no deep grey matter: the scanner's own field map knows it."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from streamrecon.cli import main

pytestmark = pytest.mark.shared


def case(shared_data: Path) -> Path:
    folder = shared_data.parent / "cases" / "truth" / "body_sign"
    if not folder.is_dir():
        pytest.skip("no case truth/body_sign beside the real scans")
    return folder


def echoes_of(folder: Path) -> list[str]:
    phase, magnitude = (
        sorted(map(str, folder.glob(f"echo-?_{part}.nii.gz"))) for part in ("phase", "mag")
    )
    return ["--phase", *phase, "--mag", *magnitude]


def test_a_given_sign_against_the_outline_is_kept_and_doubted(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*echoes_of(case(shared_data)), "--sign", "-1", "--quality", "fast"]

    assert main(["qsm", *words, "-o", str(tmp_path)]) == 0

    (told,) = [line for line in capsys.readouterr().err.splitlines() if "phase sign" in line]
    assert told.startswith("WRN phase sign -1")
    assert "in doubt, against the object's outline; it is kept" in told


def test_a_right_vendor_sign_is_not_turned_round_in_an_abdomen(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = case(shared_data)
    status = main(["qsm", *echoes_of(folder), "--quality", "fast", "--fields", "-o", str(tmp_path)])

    assert status == 0
    told = capsys.readouterr().err
    assert "phase sign +1 (vendor table)" in told
    assert "no brain recognised" in told
    assert "iron and veins not asked, no brain was recognised" in told
    (ours,) = tmp_path.glob("*_fieldmap.nii.gz")
    field_hz = nibabel.load(ours).get_fdata()
    scanner_hz = nibabel.load(folder / "scanner_b0_hz.nii.gz").get_fdata()
    both = (field_hz != 0) & (scanner_hz != 0)
    agrees, contradicts = (
        float(np.median(np.abs(field_hz[both] - sign * scanner_hz[both]))) for sign in (1, -1)
    )
    assert agrees < contradicts / 3  # another breath-hold: 10 Hz against 61
