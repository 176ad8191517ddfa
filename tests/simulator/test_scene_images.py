"""Images of a scene as NIfTI files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from streamrecon_simulator.__main__ import main
from streamrecon_simulator.images import noisy_images, twelve_bit_magnitude, write_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.errors import ConfigError

SCENE = replace(
    SCENES["whole-head"],
    phantom=WholeHead(grain_mm=4.0),
    matrix=(23, 31, 27),
    voxel_mm=(8.0, 7.0, 7.0),
    tilt_deg=(15.0, 0.0),
    te_s=(0.004, 0.012),
)


def _volume(path: Path) -> tuple[np.ndarray, Any]:
    image = nibabel.load(path)
    return np.asarray(image.dataobj).transpose(2, 1, 0), image


def test_images_and_truth_lie_at_the_places_of_the_scene(tmp_path: Path) -> None:
    paths = list(write_images(SCENE, tmp_path, name="head"))

    expected = SCENE.geometry.affine_lps()
    for path in paths:
        _, image = _volume(path)
        to_lps = np.diag([-1, -1, 1, 1]) @ image.affine
        np.testing.assert_allclose(to_lps @ (5, 3, 2, 1), expected @ (2, 3, 5, 1), atol=1e-4)
    assert {path.name.split("truth-")[1] for path in paths if "truth" in path.name} == {
        f"{name}.nii.gz"
        for name in (
            *("chi", "field", "localfield", "r2star", "density", "signal", "bias", "coilphase"),
            *("labels", "brain", "bandlimitedchi"),
        )
    }


def test_images_are_the_truth_seen_through_the_coils_with_noise(tmp_path: Path) -> None:
    known, seen = truth(SCENE), receive(SCENE)

    images = noisy_images(SCENE, known, seen)
    noise = images - known.echoes * seen

    level = SCENE.phantom.signal / SCENE.snr
    # some 40 000 numbers: their standard deviation is known within 0.4 %
    assert noise.real.std() == pytest.approx(level, rel=0.02)
    assert noise.imag.std() == pytest.approx(level, rel=0.02)
    assert abs(np.mean(noise[0] * noise[1].conj())) < 0.05 * level**2


def test_scanner_whose_phase_falls_has_the_phase_of_the_field_turned_round() -> None:
    quiet = replace(SCENE, snr=float("inf"), n_coils=1)
    falls = replace(quiet, phase_sign=-1)

    images, others = (noisy_images(s, truth(s), receive(s)) for s in (quiet, falls))

    np.testing.assert_allclose(others, images.conj(), atol=1e-6)


def test_twelve_bits_hold_magnitude_and_phase(tmp_path: Path) -> None:
    whole, exact = tmp_path / "whole", tmp_path / "exact"
    paths = list(write_images(SCENE, whole, name="head", twelve_bit=True))
    list(write_images(SCENE, exact, name="head"))

    magnitudes, phases = (
        [_volume(path)[0] for path in paths if f"part-{part}" in path.name]
        for part in ("mag", "phase")
    )
    told = _volume(exact / "head_echo-2_part-phase_MEGRE.nii.gz")[0]

    assert all(volume.dtype == np.int16 for volume in (*magnitudes, *phases))
    assert max(volume.max() for volume in magnitudes) == 4095
    assert min(volume.min() for volume in magnitudes) >= 0
    assert min(volume.min() for volume in phases) >= -4096
    assert max(volume.max() for volume in phases) <= 4094
    error = np.angle(np.exp(1j * (phases[1] * np.pi / 4096 - told)))
    assert np.abs(error).max() <= np.pi / 4096 * 1.01  # half a step


def test_largest_of_all_echoes_fills_the_twelve_bits() -> None:
    magnitude = np.array([[1.0, 4.0], [0.5, 2.0]], np.float32)

    assert twelve_bit_magnitude(magnitude).tolist() == [[1024, 4095], [512, 2048]]


def test_sidecars_say_echo_time_and_field(tmp_path: Path) -> None:
    list(write_images(SCENE, tmp_path, name="head"))

    facts = json.loads((tmp_path / "head_echo-2_part-phase_MEGRE.json").read_text())

    assert facts["EchoTime"] == 0.012
    assert facts["MagneticFieldStrength"] == 3.0
    assert facts["EchoNumber"] == 2
    assert facts["Units"] == "rad"


def test_command_writes_images_of_any_scene(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["images", "tiny", "-o", str(tmp_path), "--twelve-bit", "--seed", "3"])

    assert status == 0
    assert (tmp_path / "tiny_echo-1_part-mag_MEGRE.nii.gz").is_file()
    assert "tiny_truth-chi.nii.gz" in capsys.readouterr().out
    assert not list(tmp_path.glob("*truth-labels*"))


def test_noise_scan_has_no_images(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="noise scan"):
        list(write_images(SCENES["noise"], tmp_path, name="noise"))


def test_options_of_the_head_are_refused_for_other_scenes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["images", "tiny", "-o", str(tmp_path), "--anatomy", "2"])

    assert status == 2
    assert "whole head" in capsys.readouterr().err
