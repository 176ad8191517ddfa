"""What does not belong together is refused before any work, in one sentence with the names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from echo_images import TE_S, echoes, write

from streamrecon.cli import main
from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.commands.image_inputs.echo_times import times_s
from streamrecon.errors import ConfigError, DataError
from streamrecon.file_kinds import kind_of_file
from streamrecon.phase.phase_scaling import recognise_phase


class Scan:
    """Files of a scan, each of which a test may spoil."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.magnitude, self.turn = echoes()
        self.phase = [self.write("phase", k) for k in range(3)]
        self.mag = [self.write("mag", k) for k in range(3)]

    def write(self, part: str, k: int, *, number: int | None = None, **changed: object) -> str:
        values = (self.magnitude if part == "mag" else self.turn)[..., k]
        sidecar = {"EchoTime": TE_S[k], "MagneticFieldStrength": 3.0} | changed
        return write(
            self.folder, f"sub-1_echo-{number or k + 1}_part-{part}_MEGRE", values, **sidecar
        )

    def run(self, *options: str) -> int:
        words = ["--phase", *self.phase, "--mag", *self.mag, "--quality", "fast", *options]
        return main(["qsm", *words, "--sign", "+1", "-o", str(self.folder / "out")])


def test_a_magnitude_whose_axes_a_tool_has_turned_stays_with_its_phase(scan: Scan) -> None:
    paths = [[Path(name) for name in names] for names in (scan.phase, scan.mag)]
    before = read_echo_files(*paths)
    for path in paths[1]:
        image = nibabel.load(path)
        turned = image.as_reoriented(np.array([[1, -1], [0, 1], [2, -1]]))
        nibabel.Nifti1Image(np.asarray(turned.dataobj), turned.affine).to_filename(path)

    after = read_echo_files(*paths)

    np.testing.assert_array_equal(after.magnitude, before.magnitude)
    assert not [doubt for doubt in after.doubts if "different places" in doubt]


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    return Scan(tmp_path)


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of stderr, of which there is no traceback."""
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said.strip().splitlines()[-1]


def test_the_same_file_twice_is_named(scan: Scan, capsys: pytest.CaptureFixture[str]) -> None:
    scan.mag[2] = scan.mag[1]

    assert scan.run() == 2
    assert "sub-1_echo-2_part-mag_MEGRE.nii.gz: given twice" in one_sentence(capsys)


def test_other_echoes_of_the_magnitude_are_named(
    scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    scan.mag[2] = scan.write("mag", 2, number=4)

    assert scan.run() == 2
    assert "found echoes 1, 2, 4 by their names, --phase has 1, 2, 3" in one_sentence(capsys)


def test_a_magnitude_in_another_order_is_told_by_its_sidecars(
    scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [
        write(scan.folder, f"m{k}", scan.magnitude[..., k], EchoTime=TE_S[k]) for k in (2, 0, 1)
    ]
    scan.mag = names

    assert scan.run() == 2
    assert "12, 4, 8 ms in the sidecars of the magnitude" in one_sentence(capsys)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--b0", "1.5"], "found 1.5 T, and 3 T in a sidecar"),
        (["--b0", "127.7"], "B0: found 127.7, needed tesla"),
        (["--b0", "30000"], "B0: found 30000, needed tesla"),
        (["--te", "4", "8", "16"], "found 4, 8, 16 ms, and 4, 8, 12 ms in the sidecars"),
        (["--te", "4s", "8s", "12s"], "needed seconds up to 0.5"),
    ],
)
def test_numbers_against_the_sidecars_or_beyond_scanners_are_refused(
    options: list[str], reason: str, scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scan.run(*options) == 2
    assert reason in one_sentence(capsys)


@pytest.mark.parametrize("te_s", [4.0, 4000.0])
def test_milliseconds_in_a_sidecar_are_no_seconds(
    te_s: float, scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    scan.phase = [scan.write("phase", k, EchoTime=te_s * (k + 1)) for k in range(3)]

    assert scan.run() == 2
    assert "needed seconds up to 0.5" in one_sentence(capsys)


def test_phase_as_magnitude_and_the_reverse_is_seen(
    scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = scan.folder
    turn = [write(folder, f"a{k}", scan.turn[..., k], EchoTime=TE_S[k]) for k in range(3)]
    size = [write(folder, f"b{k}", scan.magnitude[..., k]) for k in range(3)]
    scan.phase, scan.mag = size, turn

    assert scan.run("--b0", "3") == 1
    assert "negative numbers" in one_sentence(capsys)


def test_exchanged_parts_without_negative_numbers_are_seen_too(
    scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = ((scan.turn + np.pi) * 4095 / (2 * np.pi)).astype(np.int16)
    size = (scan.magnitude * 4095 / scan.magnitude.max()).astype(np.int16)
    scan.phase = [write(scan.folder, f"a{k}", size[..., k], EchoTime=TE_S[k]) for k in range(3)]
    scan.mag = [write(scan.folder, f"b{k}", steps[..., k]) for k in range(3)]

    assert scan.run("--b0", "3") == 1
    assert "seem to be exchanged" in one_sentence(capsys)


def test_a_complex_magnitude_is_refused(scan: Scan, capsys: pytest.CaptureFixture[str]) -> None:
    values = scan.magnitude.astype(np.complex64)
    scan.mag = [write(scan.folder, f"c{k}", values[..., k]) for k in range(3)]

    assert scan.run() == 1
    assert "magnitude: found complex64 numbers" in one_sentence(capsys)


def test_one_slice_is_no_volume(scan: Scan, capsys: pytest.CaptureFixture[str]) -> None:
    cut = np.s_[:, :, 5:6]
    folder = scan.folder
    scan.phase = [
        write(folder, f"s{k}", scan.turn[..., k][cut], EchoTime=TE_S[k], MagneticFieldStrength=3.0)
        for k in range(3)
    ]
    scan.mag = [write(folder, f"t{k}", scan.magnitude[..., k][cut]) for k in range(3)]

    assert scan.run() == 1
    assert "14 × 16 × 1 voxels, needed a volume" in one_sentence(capsys)


def test_a_gzip_that_was_cut_short_is_one_sentence(
    scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(scan.phase[1])
    path.write_bytes(path.read_bytes()[:3000])

    assert scan.run() == 1
    assert "cut short or damaged" in one_sentence(capsys)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (bytes(128) + b"DICM", "a DICOM file"),
        (b"version https://git-lfs.example/v1", "a Git LFS pointer"),
        (b"", "an empty file"),
        (b'{"a": 1}', "a JSON file"),
        (b"\0\0\0\0\2\0\0\0", "Siemens raw data"),
        (b"\x80\x78\0\0\6\0\0\0Config\0", "Siemens raw data"),
        (b"yardl\0\0\0", "an MRD file of version 2"),
    ],
)
def test_another_kind_of_file_is_called_by_its_name(
    start: bytes, kind: str, scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(scan.phase[0]).with_name("other.nii")
    path.write_bytes(start)
    scan.phase[0] = str(path)

    assert kind_of_file(path).startswith(kind)
    assert scan.run() == 1
    assert f"found {kind}" in one_sentence(capsys)


def test_another_run_of_the_same_name_is_replaced_only_when_asked(
    scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scan.run() == 0
    assert scan.run() == 2
    assert "sub-1_Chimap.nii.gz there already" in one_sentence(capsys)
    assert scan.run("--overwrite") == 0


def test_an_output_that_cannot_be_written_is_found_before_the_work(
    scan: Scan, capsys: pytest.CaptureFixture[str]
) -> None:
    (scan.folder / "out").write_text("a file")

    assert scan.run() == 2
    assert "--output" in one_sentence(capsys)
    assert "TE:" not in capsys.readouterr().err


@pytest.mark.parametrize("ends", [(-1.0, 1.0), (-0.5, 0.5), (0.0, 1.0), (-0.998, 0.997)])
def test_phase_in_turns_is_asked_for_its_ends(ends: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="--phase-ends"):
        recognise_phase(*ends)


def test_one_bare_time_that_may_be_both_is_asked_for_its_unit() -> None:
    with pytest.raises(ConfigError, match="is it ms or s"):
        times_s(["0.07"])
    assert times_s(["0.07ms"]) == pytest.approx((7e-5,))
    assert times_s(["0.024"]) == (0.024,)


def test_a_misspelt_parameter_is_refused_before_the_scan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", __file__, "--config", "gre_qsm", "--set", "qualty=fast"]

    assert main([*words, "-o", str(tmp_path / "out")]) == 2
    assert "--set qualty: no gadget of this chain has it; did you mean quality?" in one_sentence(
        capsys
    )


def test_a_terminal_without_utf_8_gets_no_traceback(scan: Scan) -> None:
    words = [
        "qsm",
        "--phase",
        *scan.phase[:1],
        "--mag",
        *scan.mag[:1],
        "-o",
        str(scan.folder / "o"),
    ]

    found = subprocess.run(
        [sys.executable, "-m", "streamrecon", *words, "--quality", "fast", "--sign", "+1"],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0",
             "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=False,
    )  # fmt: skip

    assert b"Traceback" not in found.stderr
    assert found.returncode == 0
