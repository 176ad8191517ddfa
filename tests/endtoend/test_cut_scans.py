"""What a crash cut is listed when the service starts again, and by setting becomes DICOM."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pydicom
import pytest
from narrowing import as_a
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.cli import main
from streamrecon.mrd.wire.messages import Close, Header
from streamrecon.mrd.wire.writer import encode

pytestmark = pytest.mark.long

SCENE = Scene(
    "small", matrix=(5, 18, 16), voxel_mm=(4.0, 5.0, 6.0), n_coils=2, te_s=(0.005, 0.012), snr=50.0,
    noise_lines=0,
)  # fmt: skip
_PATIENCE_S = 200.0  # of a machine that does much else


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A raw copy as a crash leaves it: the last lines are missing, one is half there."""
    scan = [m for m in simulate(SCENE).messages() if not isinstance(m, Close)]
    data = b"".join(bytes(piece) for message in scan for piece in encode(message))
    copy = tmp_path / "raw" / "20260203T040506Z-4f2a.mrd.part"
    copy.parent.mkdir()
    copy.write_bytes(data[: len(data) - 5000])
    return copy


def served(tmp_path: Path, *flags: str, until: str) -> str:
    """Run a service until its log says something; the log."""
    log = tmp_path / "log"
    words = ["-m", "streamrecon", "serve", "--host", "127.0.0.1", "--port", "0"]
    words += ["--raw-folder", str(tmp_path / "raw"), "--storage", str(tmp_path / "storage")]
    with log.open("w") as said:
        with subprocess.Popen(
            [sys.executable, *words, *flags], stdout=said, stderr=said
        ) as process:
            ends = time.monotonic() + _PATIENCE_S
            while until not in log.read_text() and time.monotonic() < ends:
                time.sleep(0.05)
            process.terminate()
        assert process.returncode == 0
    return log.read_text()


def test_a_cut_copy_replays_and_its_missing_lines_are_named(
    cut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", str(cut), "--config", "gre_recon", "-o", str(tmp_path / "out")]

    assert main(words) == 1
    assert main([*words, "--recover", "--format", "nifti"]) == 0

    said = " ".join(capsys.readouterr().err.split())
    assert re.search(r"this scan was cut after \d+ lines", said)
    assert re.search(r"reconstructed without \d+ of \d+ lines \(echo 0, kz", said)
    assert len(list((tmp_path / "out").rglob("*.nii.gz"))) == 4


def test_a_service_that_starts_again_lists_what_was_cut(cut: Path, tmp_path: Path) -> None:
    log = served(tmp_path, until="was cut")

    assert f"scan {cut.name} was cut at" in log
    assert "streamrecon replay --recover takes it" in log
    assert cut.exists()


def test_by_setting_it_is_reconstructed_to_dicom_once(cut: Path, tmp_path: Path) -> None:
    flags = ("--raw-recover", "gre_recon")
    first = served(tmp_path, *flags, until="is reconstructed, in")
    second = served(tmp_path, *flags, until="listening")

    assert f"scan {cut.name} is reconstructed, in" in first
    assert "was cut" not in second
    assert not cut.exists()
    images = [pydicom.dcmread(path) for path in (tmp_path / "raw" / "recovered").rglob("*.dcm")]
    assert len(images) == 2 * 2 * 5, "magnitude and phase of two echoes, five slices"
    assert all("reconstructed without" in image.ImageComments for image in images)


PERSON = (
    b"<subjectInformation><patientName>Featherstone^Richard</patientName><patientID>PID-Quartz</patientID>"
    b"<patientBirthdate>1970-12-31</patientBirthdate></subjectInformation>"
    b"<experimentalConditions>"
)


def test_with_pseudonyms_what_is_recovered_names_nobody(cut: Path, tmp_path: Path) -> None:
    header, *lines = simulate(SCENE).messages()
    named = Header(as_a(Header, header).xml.replace(b"<experimentalConditions>", PERSON, 1))
    data = b"".join(bytes(piece) for message in (named, *lines) for piece in encode(message))
    cut.write_bytes(data[: len(data) - 5000])
    (tmp_path / "key").write_text("a secret of some length")
    flags = ("--raw-recover", "gre_recon", "--pseudonym-key", str(tmp_path / "key"))

    served(tmp_path, *flags, until="is reconstructed, in")

    files = [path for path in (tmp_path / "raw" / "recovered").rglob("*") if path.is_file()]
    assert len(files) == 2 * 2 * 5
    for path in files:
        image = pydicom.dcmread(path)
        assert image.PatientIdentityRemoved == "YES"
        assert image.PatientID not in {"", "PID-Quartz"}
        for word in (b"Featherstone", b"Richard", b"Quartz", b"19701231"):  # no UID has these
            assert word not in path.read_bytes()


def test_a_wrong_chain_in_the_settings_leaves_the_copy(cut: Path, tmp_path: Path) -> None:
    log = served(tmp_path, "--raw-recover", "no_such_chain", until="is not reconstructed")

    assert "is not reconstructed, exit code 2" in log
    assert cut.exists()
