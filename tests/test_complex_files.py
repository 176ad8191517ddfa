"""Real and imaginary parts, and phase differences, make the map that magnitude and phase make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import scanner_scan as scan
from scanner_scan import write_nifti

from streamrecon.cli import main
from streamrecon.commands.image_inputs.complex_files import read_complex_files
from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.errors import ConfigError, DataError
from streamrecon.phase.image_noise import noise_of_scan
from streamrecon.phase.phase_scaling import complex_echoes
from streamrecon.qsm.total_field import total_field

ODD = (-1) ** np.arange(scan.SHAPE[2])[:, None]


def parts(folder: Path, values: np.ndarray, **changed: object) -> tuple[list[Path], list[Path]]:
    """Files of the real and of the imaginary part."""
    real = write_nifti(folder, "real", values.real, **changed)
    imaginary = write_nifti(folder, "imag", values.imag, **changed)
    return [Path(p) for p in real], [Path(p) for p in imaginary]


def refusal(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["qsm", *words, "--quality", "fast", "-o", str(folder / "out")]) in {1, 2}
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error.strip().splitlines()[-1]


def core(folder: Path) -> float:
    """χ of the ball above its surroundings."""
    values = nibabel.load(folder / "out" / "sub-9_Chimap.nii.gz").get_fdata()
    x, y, z = scan.CENTRE
    ball = values[x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2].mean()
    return float(ball - np.median(values[values != 0]))


@pytest.mark.parametrize("sign", ["+1", "-1"])
def test_real_and_imaginary_parts_give_the_ball_its_susceptibility(
    sign: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = scan.echoes() if sign == "+1" else scan.echoes().conj()
    real, imaginary = (list(map(str, each)) for each in parts(tmp_path, values))
    words = ["--real", *real, "--imag", *imaginary, "--sign", sign, "-o", str(tmp_path / "out")]

    assert main(["qsm", *words]) == 0

    assert core(tmp_path) == pytest.approx(scan.CHI_PPM, abs=0.06)
    assert "phase: of real and imaginary parts" in capsys.readouterr().err


def test_they_are_the_complex_echoes_again(tmp_path: Path) -> None:
    values = scan.echoes()

    files = read_complex_files(*parts(tmp_path, values))

    found = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
    np.testing.assert_allclose(found, values.T, atol=1e-4 * 100)
    assert files.te_s == scan.TE_S
    assert not files.doubts


def test_every_second_slice_that_is_turned_is_turned_back(tmp_path: Path) -> None:
    values = scan.echoes()

    files = read_complex_files(*parts(tmp_path, values * ODD))

    found = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
    np.testing.assert_allclose(found, values.T, atol=1e-4 * 100)
    assert "every second slice" in files.doubts[-1]


def test_slices_that_are_turned_are_seen_in_phase_images_too(tmp_path: Path) -> None:
    values = scan.echoes()
    turned = write_nifti(tmp_path, "phase", np.angle(values * ODD) * 1000)
    size = write_nifti(tmp_path, "mag", np.abs(values))

    files = read_echo_files([Path(p) for p in turned], [Path(p) for p in size])

    found = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
    np.testing.assert_allclose(found, values.T, atol=1e-3 * 100)
    assert "every second slice" in files.doubts[-1]


def test_twelve_bits_around_2048_have_their_zero_there(tmp_path: Path) -> None:
    values = scan.echoes()
    steps = np.round(values.real * 10) + 2048 + 1j * (np.round(values.imag * 10) + 2048)

    files = read_complex_files(*parts(tmp_path, steps))

    found = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
    np.testing.assert_allclose(found, 10 * values.T, atol=0.8)  # rounded to whole steps
    assert "zero at 2048" in files.messages[-1]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda v: np.abs(v) + 1j * v.imag, "real: found no negative number; is it magnitude"),
        (lambda v: v.real + 3j * v.imag, "needed both in one scale"),
        (lambda v: v.real + 1j * v.real, "found the same numbers in both"),
        (lambda v: v.real + 2 + 1j * v.imag, "real: found a mean of"),
    ],
    ids=["magnitude", "scale", "twice", "offset"],
)
def test_numbers_that_are_no_such_parts_are_refused(
    spoil: Callable[[np.ndarray], np.ndarray], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=reason):
        read_complex_files(*parts(tmp_path, spoil(scan.echoes())))


def test_an_imaginary_part_of_one_echo_in_another_scale_is_named(tmp_path: Path) -> None:
    values = scan.echoes()
    values[..., 1] = values[..., 1].real + 3j * values[..., 1].imag
    with pytest.raises(DataError, match=r"found noise of .* in echo 2, needed both in one scale"):
        read_complex_files(*parts(tmp_path, values))


def test_exchanged_parts_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real, imaginary = (list(map(str, each)) for each in parts(tmp_path, scan.echoes()))

    sentence = refusal(tmp_path, capsys, "--real", *imaginary, "--imag", *real)

    assert "sub-9_echo-1_part-imag_MEGRE.nii.gz: named as imaginary, given as --real" in sentence


def test_a_sidecar_of_another_part_is_named(tmp_path: Path) -> None:
    words = ["ORIGINAL", "PRIMARY", "M", "FFE"]

    with pytest.raises(ConfigError, match="real: found a sidecar whose ImageType says magnitude"):
        read_complex_files(*parts(tmp_path, scan.echoes(), ImageType=words))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["--real"], "found --real, needed"),
        (["--phase", "--imag"], "found --phase and --imag, needed"),
        (["--phase", "--mag", "--real", "--imag"], "--real and --imag, needed --phase and --mag"),
        ([], "found neither, needed"),
    ],
)
def test_half_a_pair_or_two_are_refused(
    given: list[str], found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.nii"
    file.touch()
    words = [word for option in given for word in (option, str(file))]

    assert found in refusal(tmp_path, capsys, *words)


def difference(
    folder: Path, values: np.ndarray, magnitudes: int = 2, **changed: object
) -> tuple[list[Path], list[Path]]:
    """The phase of the third echo less that of the first, and their magnitudes."""
    one, other = values[..., 0], values[..., 2]
    facts = {"EchoTime1": scan.TE_S[0], "EchoTime2": scan.TE_S[2], "EchoTime": scan.TE_S[2]}
    phase = np.angle(other * one.conj())[..., None]
    turned = write_nifti(folder, "phase", phase * 4096 / np.pi, **(facts | changed))
    size = np.abs(np.stack([one, other], axis=-1))[..., :magnitudes]
    sized = write_nifti(folder, "mag", size)
    if magnitudes == 2:  # the second one is that of the third echo
        beside = Path(sized[1].replace(".nii.gz", ".json"))
        facts = json.loads(beside.read_text()) | {"EchoTime": scan.TE_S[2]}
        beside.write_text(json.dumps(facts))
    return [Path(p) for p in turned], [Path(p) for p in sized]


@pytest.mark.parametrize("magnitudes", [1, 2])
def test_a_phase_difference_gives_the_ball_its_susceptibility(
    magnitudes: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned, sized = difference(tmp_path, scan.echoes(), magnitudes)
    words = ["--phase", *map(str, turned), "--mag", *map(str, sized), "--sign", "+1"]

    assert main(["qsm", *words, "-o", str(tmp_path / "out")]) == 0

    assert core(tmp_path) == pytest.approx(scan.CHI_PPM, abs=0.06)
    assert "TE: 8 ms, as one echo: the phase is the difference of those at 4, 12 ms" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("weaker", [1.0, 0.3], ids=["equal", "faded"])
def test_the_deviation_of_a_phase_difference_is_the_scatter_of_scans(
    weaker: float, tmp_path: Path
) -> None:
    head, _ = scan.field_ppm()
    fields, deviations = [], []
    for seed in range(12):
        thrown = scan.echoes(noise=3, seed=seed) - scan.echoes(noise=0)
        values = scan.echoes(noise=0) * np.array([1, 1, weaker]) + thrown
        files = read_echo_files(*difference(tmp_path, values))
        data = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
        assert files.noise is not None
        fit = total_field(
            data,
            files.te_s,
            files.b0_t,
            files.geometry,
            mask=head.T,
            noise=noise_of_scan(files.noise),
        ).fit
        fields.append(fit.field_ppm)
        deviations.append(fit.sd_ppm)
    ratio = np.std(fields, axis=0, ddof=1)[head.T] / np.mean(deviations, axis=0)[head.T]
    assert np.median(ratio) == pytest.approx(1, abs=0.1)  # of 11 degrees of freedom: 3 % low


def test_times_that_differ_from_those_of_the_sidecar_are_refused(tmp_path: Path) -> None:
    turned, sized = difference(tmp_path, scan.echoes())

    with pytest.raises(ConfigError, match="needed 4, 12 ms as the sidecar has"):
        read_echo_files(turned, sized, te=["4", "8"])


def test_two_times_for_one_phase_mean_a_difference(tmp_path: Path) -> None:
    turned, sized = difference(tmp_path, scan.echoes(), EchoTime1=None, EchoTime2=None)

    assert read_echo_files(turned, sized, te=["4", "12"]).te_s == pytest.approx((0.008,))


def test_three_magnitudes_of_one_phase_are_refused(tmp_path: Path) -> None:
    turned, _ = difference(tmp_path, scan.echoes())
    sized = [Path(p) for p in write_nifti(tmp_path, "mag", np.abs(scan.echoes()))]

    with pytest.raises(DataError, match="found 3 echoes, needed one or both"):
        read_echo_files(turned, sized)
