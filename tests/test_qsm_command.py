"""`streamrecon qsm`: what it finds out about files of others, what it refuses, what it writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.affines import apply_affine, from_matvec, voxel_sizes
from nibabel.eulerangles import euler2mat

from streamrecon.cli import main
from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.commands.image_inputs.echo_times import times_s
from streamrecon.errors import ConfigError, DataError

TE_S = (0.004, 0.008, 0.012)
SHAPE = (30, 28, 26)  # x, y, z
CENTRE = np.array([15, 14, 13])
OBLIQUE = from_matvec(euler2mat(z=0.2, y=0.1, x=0.35) * (2.0, 2.1, 2.2), (-30, -20, 5))


def ball_phase(affine: np.ndarray, chi_ppm: float) -> tuple[np.ndarray, np.ndarray]:
    """Head, and phase [X, Y, Z, E] in 3 T of a ball of radius 6 mm in its middle; B0 along S."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    place = apply_affine(affine, index)
    away = place - apply_affine(affine, CENTRE)
    r = np.maximum(np.linalg.norm(away, axis=-1), 1e-3)
    field = chi_ppm / 3 * (6 / r) ** 3 * (3 * (away[..., 2] / r) ** 2 - 1) * (r > 6)
    turns = 42.577478518 * 3.0 * field[..., None] * np.array(TE_S)
    return r < 25, np.angle(np.exp(2j * np.pi * turns))


def write_scan(
    folder: Path, affine: np.ndarray = OBLIQUE, *, scale: float = 1.0, chi_ppm: float = 0.4
) -> list[str]:
    """Files of a scan with sidecars; the phase is stored in radians times ``scale``."""
    head, phase = ball_phase(affine, chi_ppm)
    rng = np.random.default_rng(0)
    real, imaginary = rng.standard_normal((2, *phase.shape)) * 0.01
    signal = head[..., None] * np.exp(1j * phase) + real + 1j * imaginary
    words = []
    for option, part, values in (
        ("--phase", "phase", np.angle(signal) * scale),
        ("--mag", "mag", np.abs(signal)),
    ):
        words.append(option)
        for echo, te_s in enumerate(TE_S):
            stem = f"sub-9_echo-{echo + 1}_part-{part}_MEGRE"
            image = nibabel.Nifti1Image(values[..., echo].astype(np.float32), affine)
            image.to_filename(folder / f"{stem}.nii.gz")
            facts = {"EchoTime": te_s, "MagneticFieldStrength": 3.0}
            (folder / f"{stem}.json").write_text(json.dumps(facts))
            words.append(str(folder / f"{stem}.nii.gz"))
    return words


def files_of(words: list[str]) -> tuple[list[Path], list[Path]]:
    paths = [Path(word) for word in words]
    return paths[1:4], paths[5:8]


def test_an_oblique_ball_has_its_susceptibility_where_it_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = write_scan(tmp_path)

    status = main(["qsm", *words, "--sign", "+1", "-o", str(tmp_path / "out")])

    assert status == 0
    chi = nibabel.load(tmp_path / "out" / "sub-9_Chimap.nii.gz")
    np.testing.assert_allclose(chi.affine, OBLIQUE, atol=1e-4)
    values = chi.get_fdata()
    x, y, z = CENTRE
    core = values[x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2].mean()
    assert core - np.median(values[values != 0]) == pytest.approx(0.4, abs=0.06)
    facts = json.loads((tmp_path / "out" / "sub-9_Chimap.json").read_text())
    assert (facts["Units"], facts["PhaseSign"]) == ("ppm", 1)
    assert facts["PhaseSignOrigin"] == "command line"
    said = capsys.readouterr().err
    assert "TE: 4, 8, 12 ms, from the JSON sidecar" in said
    assert "phase: radians" in said


@pytest.mark.parametrize("chi_ppm", [2.0, -2.0], ids=["bleed", "calcification"])
def test_a_strong_source_has_a_pass_of_its_own_by_choice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], chi_ppm: float
) -> None:
    words = write_scan(tmp_path, chi_ppm=chi_ppm)
    x, y, z = CENTRE

    assert main(["qsm", *words, "--sign", "+1", "--two-pass", "-o", str(tmp_path / "out")]) == 0

    assert re.search(r"[1-9]\d* voxels above 1 ppm in a pass of their own", capsys.readouterr().err)
    values = nibabel.load(tmp_path / "out" / "sub-9_Chimap.nii.gz").get_fdata()
    core = values[x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2].mean()
    # 7 % too strong, nearly as one pass that is solved to its end: 2.17
    assert core - np.median(values[values != 0]) == pytest.approx(chi_ppm, rel=0.1)


def test_a_falling_phase_gives_the_same_map_with_its_sign(tmp_path: Path) -> None:
    maps = []
    for sign, scale in (("+1", 1.0), ("-1", -1.0)):
        folder = tmp_path / sign
        folder.mkdir()
        words = write_scan(folder, scale=scale)
        arguments = ["--quality", "fast", "--sign", sign, "-o", str(folder)]
        assert main(["qsm", *words, *arguments]) == 0
        maps.append(nibabel.load(folder / "sub-9_Chimap.nii.gz").get_fdata())

    np.testing.assert_allclose(maps[0], maps[1], atol=1e-4)


@pytest.mark.parametrize(
    ("scale", "word"), [(1000.0, "milliradians"), (4096 / np.pi, "Siemens"), (180 / np.pi, "degr")]
)
def test_the_scale_of_the_phase_is_found_and_told(tmp_path: Path, scale: float, word: str) -> None:
    phase, magnitude = files_of(write_scan(tmp_path, scale=scale))

    files = read_echo_files(phase, magnitude)

    assert word in " ".join(files.messages)
    assert files.scale.rad_per_step * scale == pytest.approx(1, rel=1e-3)


def test_numbers_that_are_no_phase_are_refused_with_a_way_out(tmp_path: Path) -> None:
    phase, magnitude = files_of(write_scan(tmp_path, scale=0.01))

    with pytest.raises(DataError, match="--phase-ends"):
        read_echo_files(phase, magnitude)
    files = read_echo_files(phase, magnitude, ends=(-0.0314159, 0.0314159))

    assert files.scale.rad_per_step == pytest.approx(100, rel=1e-5)


def test_b0_follows_the_affine(tmp_path: Path) -> None:
    phase, magnitude = files_of(write_scan(tmp_path))

    axis = read_echo_files(phase, magnitude).geometry.b0_axis()

    steps = voxel_sizes(OBLIQUE)
    np.testing.assert_allclose(axis[::-1], OBLIQUE[2, :3] / steps, atol=1e-5)


def test_echo_times_may_be_in_either_unit() -> None:
    for texts in (["4", "8"], ["0.004", "0.008"], ["4ms,8ms"], ["0.004s 0.008s"]):
        assert times_s(texts) == pytest.approx((0.004, 0.008))


@pytest.mark.parametrize("texts", [["four"], ["4", "0.008"], ["4ms", "8"], [""]])
def test_echo_times_that_are_in_doubt_are_asked_for(texts: list[str]) -> None:
    with pytest.raises(ConfigError, match="--te"):
        times_s(texts)


def test_times_and_field_that_nobody_gives_are_asked_for(tmp_path: Path) -> None:
    phase, magnitude = files_of(write_scan(tmp_path))
    for path in phase:
        path.with_name(path.name.replace(".nii.gz", ".json")).unlink()

    with pytest.raises(ConfigError, match="give all by --te"):
        read_echo_files(phase, magnitude, b0_t=3.0)
    with pytest.raises(ConfigError, match="--b0"):
        read_echo_files(phase, magnitude, te=["4", "8", "12"])


def test_a_sheared_grid_and_other_sizes_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phase, magnitude = files_of(write_scan(tmp_path))

    with pytest.raises(DataError, match=r"magnitude: found 2 echoes .* needed 3 echoes"):
        read_echo_files(phase, magnitude[:2])

    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    words = write_scan(tmp_path, sheared)
    assert main(["qsm", *words, "-o", str(tmp_path / "out")]) == 1
    assert "not at right angles" in capsys.readouterr().err


@pytest.mark.shared
def test_every_cylinder_of_qsm_forward_has_its_slope(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "qsmforward-simple"
    scan, truth = folder / "sub-1" / "anat", folder / "derivatives/qsm-forward/sub-1/anat"
    phase = [str(path) for path in sorted(scan.glob("*part-phase*.nii.gz"))]
    magnitude = [str(path) for path in sorted(scan.glob("*part-mag*.nii.gz"))]

    status = main(
        ["qsm", "--phase", *phase, "--mag", *magnitude, "--sign", "+1", "-o", str(tmp_path)]
    )

    assert status == 0
    chi = nibabel.load(tmp_path / "sub-1_Chimap.nii.gz").get_fdata()
    true = nibabel.load(truth / "sub-1_Chimap.nii.gz").get_fdata()
    for level in (0.05, 0.1, 0.2, 0.5):
        cylinder = np.abs(true - level) < 1e-4
        x, y, _ = np.nonzero(cylinder)
        # what slowly varies over the phantom is of its background: around each is its zero
        near = np.hypot(*(np.indices(true.shape)[:2] - np.array([x.mean(), y.mean()])[:, None,
                        None, None])) < np.ptp(x) / 2 + 8  # fmt: skip
        around = near & (chi != 0) & (np.abs(true - 0.005) < 1e-4)
        rise = chi[cylinder].mean() - chi[around].mean()
        assert 0.95 < rise / (level - 0.005) < 1.05


@pytest.mark.shared
def test_a_scale_that_a_file_got_wrong_is_passed_over_and_told(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "romeo-crop"

    files = read_echo_files(
        [folder / "Phase.nii"], [folder / "Mag.nii"], te=["4", "8", "12"], b0_t=7.0
    )

    assert files.phase.shape == (3, 41, 51, 51)
    assert np.abs(files.phase).max() == pytest.approx(np.pi, abs=1e-3)
    assert "was passed over" in files.messages[-1]


def write_local_field(folder: Path, *, scale: float = 1.0) -> Path:
    """Local field of the ball in ppm times ``scale``, in the head."""
    head, phase = ball_phase(OBLIQUE, 0.4)
    field = phase[..., 0] / (2 * np.pi * 42.577478518 * 3.0 * TE_S[0])  # nothing wraps at 4 ms
    path = folder / "sub-9_localfield.nii.gz"
    nibabel.Nifti1Image((head * field * scale).astype(np.float32), OBLIQUE).to_filename(path)
    return path


@pytest.mark.parametrize("sign", [1, -1])
def test_a_local_field_that_is_given_becomes_its_susceptibility(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sign: int
) -> None:
    path = write_local_field(tmp_path, scale=sign)

    assert main(["qsm", "--local", str(path), "--b0", "3", "-o", str(tmp_path / "out")]) == 0

    chi = nibabel.load(tmp_path / "out" / "sub-9_Chimap.nii.gz")
    np.testing.assert_allclose(chi.affine, OBLIQUE, atol=1e-4)
    values = chi.get_fdata()
    x, y, z = CENTRE
    core = values[x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2].mean()
    # the point dipole's field on voxels of 2 mm is what limits it
    assert core - np.median(values[values != 0]) == pytest.approx(0.4 * sign, abs=0.06)
    assert "ppb, estimated on the magic-angle cone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--b0", "3", "--fields"], "found --fields too"),
        (["--b0", "3", "--sign", "-1"], "found --sign too"),
        (["--b0", "30000"], "needed tesla"),
        (["--b0", "3", "--quality", "consensus"], "consensus too"),
        ([], "--b0"),
    ],
)
def test_what_a_local_field_cannot_give_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    path = write_local_field(tmp_path)

    assert main(["qsm", "--local", str(path), *words, "-o", str(tmp_path / "out")]) == 2

    assert reason in capsys.readouterr().err


def test_a_local_field_in_hz_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_local_field(tmp_path, scale=3 * 42.577478518)

    assert main(["qsm", "--local", str(path), "--b0", "3", "-o", str(tmp_path / "out")]) == 1

    assert "not Hz" in capsys.readouterr().err


def test_the_old_word_for_the_standard_quality_works_and_says_the_new_one_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["qsm", *write_scan(tmp_path), "--sign", "+1", "-o", str(tmp_path / "out")]

    status = main([*words, "--quality", "default"])

    said = capsys.readouterr().err
    assert status == 0
    assert said.count("--quality default is now called standard; the old name still works") == 1
    facts = json.loads((tmp_path / "out" / "sub-9_Chimap.json").read_text())
    assert any("quality standard" in comment for comment in facts["ImageComments"])


def test_the_map_that_the_sign_is_asked_of_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["qsm", *write_scan(tmp_path), "--quality", "fast", "-o", str(tmp_path / "out")]

    assert main(words) == 0

    said = capsys.readouterr().err
    assert said.count("susceptibility: map") == 1
    assert said.count("phase sign") == 1


def test_the_mask_beside_the_magnitude_is_used_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = write_scan(tmp_path)
    head = ball_phase(OBLIQUE, 0.0)[0]
    inner = np.zeros_like(head)
    inner[6:24, 6:22, 6:20] = head[6:24, 6:22, 6:20]
    beside = nibabel.Nifti1Image(inner.astype(np.float32) * 0.9, OBLIQUE)
    beside.to_filename(tmp_path / "sub-9_desc-brain_mask.nii.gz")

    chosen = ["--quality", "fast", "--sign", "+1", "--mask", "auto", "-o", str(tmp_path / "out")]
    code = main(["qsm", *words, *chosen])

    said = capsys.readouterr()
    assert code == 0, said.err
    assert "mask: sub-9_desc-brain_mask.nii.gz" in said.out + said.err
    chi = np.asarray(nibabel.load(next((tmp_path / "out").glob("*Chimap.nii.gz"))).dataobj)
    assert (chi[~inner] == 0).all()
    assert (chi[inner] != 0).mean() > 0.9
