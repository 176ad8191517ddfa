"""`streamrecon maps`: all maps of images that somebody else made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from streamrecon_simulator.__main__ import main as simulate

from streamrecon.cli import main


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Magnitude and phase of a simulated head, with their JSON."""
    folder = tmp_path_factory.mktemp("images")
    raw = str(folder / "head.h5")
    matrix = ["--matrix", "12,24,26", "--coils", "4"]
    assert simulate(["write", "head", "-o", raw, "--no-truth", *matrix]) == 0
    words = ["replay", raw, "--config", "gre_recon", "--format", "nifti", "-o", str(folder)]
    assert main(words) == 0
    return folder / "head"


def pair(images: Path, *, phase: str = "*part-phase*.nii.gz") -> list[str]:
    found = (sorted(images.glob(pattern)) for pattern in (phase, "*part-mag*.nii.gz"))
    phases, magnitudes = ([str(path) for path in paths] for paths in found)
    return ["--phase", *phases, "--mag", *magnitudes]


def maps_of(folder: Path) -> dict[str, Any]:
    names = sorted(folder.glob("*.nii.gz"))
    return {path.name.partition("_")[2].removesuffix(".nii.gz"): nib.load(path) for path in names}


@pytest.fixture(scope="module")
def made(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maps")
    words = [*pair(images), "-o", str(folder), "--set", "quality=fast"]
    assert main(["maps", *words]) == 0
    return folder


def test_every_map_is_there_with_its_place_and_its_json(images: Path, made: Path) -> None:
    found = maps_of(made)

    wanted = {"Chimap", "swi", "minIP", "tswi", "R2starmap", "T2starmap", "fieldmap", "mask"}
    assert wanted <= set(found)
    affine = next(iter(maps_of(images).values())).affine
    for name in wanted - {"minIP"}:
        np.testing.assert_allclose(found[name].affine, affine, atol=1e-3)
    facts = json.loads(next(made.glob("*_Chimap.json")).read_text(encoding="utf-8"))
    assert (facts["Units"], facts["MagneticFieldStrength"]) == ("ppm", 3.0)


def test_the_susceptibility_is_that_of_qsm(images: Path, made: Path, tmp_path: Path) -> None:
    words = [*pair(images), "-o", str(tmp_path), "--quality", "fast"]
    assert main(["qsm", *words]) == 0

    one, other = (np.asarray(maps_of(f)["Chimap"].dataobj) for f in (made, tmp_path))
    np.testing.assert_allclose(one, other, atol=1e-6)
    np.testing.assert_array_equal(one != 0, other != 0)
    assert np.std(one[one != 0]) > 0.01


def test_a_stated_sign_that_is_the_other_one_turns_the_map(
    images: Path, made: Path, tmp_path: Path
) -> None:
    words = [*pair(images), "-o", str(tmp_path), "--set", "quality=fast", "--sign", "-1"]
    assert main(["maps", *words]) == 0

    one, other = (np.asarray(maps_of(f)["Chimap"].dataobj) for f in (made, tmp_path))
    inside = (one != 0) & (other != 0)
    assert np.corrcoef(one[inside], other[inside])[0, 1] < -0.95


def test_a_chain_for_lines_is_refused(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["maps", *pair(images), "-o", str(tmp_path), "--config", "gre_full"]) == 2

    assert "does not begin with AssembleImages" in capsys.readouterr().err


def test_maps_of_the_same_name_are_kept(
    images: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["maps", *pair(images), "-o", str(made)]) == 2

    assert "there already" in capsys.readouterr().err


def test_a_parameter_of_nobody_is_refused_with_the_nearest(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*pair(images), "-o", str(tmp_path), "--set", "qualty=fast"]
    assert main(["maps", *words]) == 2

    assert "did you mean quality?" in capsys.readouterr().err


def test_rates_of_echoes_in_several_scales_are_doubted(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = pair(images)
    second = words.index("--mag") + 2
    image = nib.load(words[second])
    dimmed = tmp_path / Path(words[second]).name
    nib.Nifti1Image(image.get_fdata(dtype=np.float32) / 3, image.affine).to_filename(dimmed)
    words[second] = str(dimmed)

    assert main(["maps", *words, "-o", str(tmp_path / "maps"), "--set", "quality=fast"]) == 0

    doubts = [line for line in capsys.readouterr().err.splitlines() if "no exponential" in line]
    assert len(doubts) == 1
    assert doubts[0].startswith("WRN")
    assert "are the echoes in one scale" in doubts[0]
