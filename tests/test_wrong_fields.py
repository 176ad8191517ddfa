"""Local fields and stored maps whose sign, unit or place is not what it seems."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from streamrecon_simulator.phantoms.phantom import HEAD, VEIN, Part
from streamrecon_simulator.phantoms.shapes import Cylinder
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth

import streamrecon as sr
from streamrecon.cli import main
from streamrecon.errors import ConfigError, DataError
from streamrecon.output.ras import in_ras
from streamrecon.qsm.dipole import field_from_chi

VEINS = tuple(
    Part(Cylinder((0.0, p, s), (1.0, d, 0.3), 3.0), VEIN)
    for p, s, d in ((20.0, 30.0, 0.5), (-25.0, 25.0, -0.4), (30.0, -25.0, 0.2))
)
SCENE = Scene(
    "head with veins", phantom=replace(HEAD, parts=(*HEAD.parts, *VEINS)),
    matrix=(44, 58, 52), voxel_mm=(3.6, 3.3, 3.0),
)  # fmt: skip


@pytest.fixture(scope="module")
def head() -> tuple[np.ndarray, np.ndarray]:
    """Local field [ppm] and brain [Z, Y, X] of a head with veins and nuclei."""
    known = truth(SCENE)
    chi = np.where(known.mask, known.chi_ppm, 0)
    field = field_from_chi(chi - chi[known.mask].mean() * known.mask, SCENE.geometry)
    return np.where(known.mask, field, 0).astype(np.float32), known.mask


def told(
    folder: Path, head: tuple[np.ndarray, np.ndarray], capsys: pytest.CaptureFixture[str],
    *, sign: int = 1, code: int = 1,
) -> str:  # fmt: skip
    """What `streamrecon qsm --local` warns of."""
    folder.mkdir(exist_ok=True)
    names = []
    for name, values in (("localfield", sign * head[0]), ("mask", head[1].astype(np.uint8))):
        turned, affine = in_ras(values, SCENE.geometry)
        image = nibabel.Nifti1Image(turned, affine)
        image.set_qform(affine, code)
        image.set_sform(affine, code)
        names.append(folder / f"sub-1_{name}.nii.gz")
        image.to_filename(names[-1])
    words = ["--local", str(names[0]), "--mask", str(names[1]), "--b0", "3", "--quality", "fast"]
    assert main(["qsm", *words, "-o", str(folder / "out")]) == 0
    return "\n".join(
        line for line in capsys.readouterr().err.splitlines() if line.startswith("WRN")
    )


def test_a_local_field_of_the_other_sign_is_doubted(
    head: tuple[np.ndarray, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "the other sign" not in told(tmp_path / "right", head, capsys)
    assert "the other sign" in told(tmp_path / "wrong", head, capsys, sign=-1)


def test_a_local_field_that_does_not_say_how_it_lies_is_doubted(
    head: tuple[np.ndarray, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "how it lies" in told(tmp_path, head, capsys, code=0)


def stored(folder: Path, values: np.ndarray, **facts: object) -> Path:
    nibabel.Nifti1Image(values.astype(np.float32), np.eye(4)).to_filename(folder / "x_Chimap.nii")
    (folder / "x_Chimap.json").write_text(json.dumps({"MagneticFieldStrength": 3.0} | facts))
    return folder / "x_Chimap.nii"


CHI = np.linspace(-0.1, 0.2, 60).reshape(3, 4, 5)


@pytest.mark.parametrize("facts", [{"Quantity": "chi"}, {}])
def test_a_map_is_read_in_the_unit_that_stands_beside_it(
    facts: dict[str, object], tmp_path: Path
) -> None:
    path = stored(tmp_path, CHI * 1e3, Units="ppb", **facts)
    (found,) = sr.read(path, quantity="chi")
    np.testing.assert_allclose(found.values, CHI.T, rtol=1e-5)


@pytest.mark.parametrize("facts", [{"Quantity": "chi"}, {}])
def test_a_unit_of_something_else_is_refused(facts: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="x_Chimap: chi: found Hz, needed ppm"):
        sr.read(stored(tmp_path, CHI, Units="Hz", **facts), quantity="chi")


def test_what_a_file_says_is_not_passed_over(tmp_path: Path) -> None:
    path = stored(tmp_path, CHI, Units="ppm", Quantity="chi")
    with pytest.raises(ConfigError, match="found chi beside it, given r2star"):
        sr.read(path, quantity="r2star")
    with pytest.raises(ConfigError, match="found 3 T beside it, given 7 T"):
        sr.read(path, b0_t=7.0)
