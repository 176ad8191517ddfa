"""`streamrecon phase-sign`: a phantom of known susceptibility tells the sign of the phase."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamrecon_simulator.phantoms.phantom import Part, Phantom, Tissue
from streamrecon_simulator.phantoms.shapes import Sphere
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.write import write_scan

from streamrecon.cli import main


def phantom(chi_ppm: float) -> Phantom:
    return Phantom(
        parts=(
            Part(Sphere((0.0, 0.0, 0.0), 60.0), Tissue(1.0, 4.0, 0.0)),
            Part(Sphere((-25.0, 0.0, 5.0), 10.0), Tissue(1.0, 20.0, chi_ppm)),
        ),
        environment=Tissue(0.0, 0.0, 0.0),
    )


SCENE = Scene(
    "a vial in water", phantom=phantom(0.4), matrix=(44, 46, 48), voxel_mm=(3.0, 3.0, 3.0),
    n_coils=2, noise_lines=8, te_s=(0.004, 0.008, 0.012), snr=60.0, tilt_deg=(15.0, 0.0),
)  # fmt: skip
AT = ("--at", "-25", "0", "5", "--radius", "10")


def looked_at(folder: Path, scene: Scene, *options: str) -> int:
    path = folder / "vials.h5"
    write_scan(simulate(scene), path)
    return main(["phase-sign", str(path), *options])


@pytest.mark.parametrize("options", [AT, ()], ids=["one object", "all objects"])
def test_a_right_sign_is_confirmed(
    tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status = looked_at(tmp_path, replace(SCENE, phase_sign=-1), *options)

    assert status == 0
    assert "phase sign -1 shows it paramagnetic: the sign of this scan is right" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("options", [AT, ()], ids=["one object", "all objects"])
def test_a_wrong_sign_is_named_with_the_right_one(
    tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A scanner that turns backwards and does not say so is taken for +1."""
    scene = replace(SCENE, phase_sign=-1, says_phase_sign=False)

    status = looked_at(tmp_path, scene, *options)

    said = capsys.readouterr().out
    assert status == 1
    assert "with phase sign +1" in said
    assert "phase sign -1 would show it paramagnetic" in said
    assert "to -1" in said


def test_a_diamagnetic_object_counts_the_other_way(tmp_path: Path) -> None:
    scene = replace(SCENE, phantom=phantom(-0.4))

    assert looked_at(tmp_path, scene, *AT, "--diamagnetic") == 0
    assert looked_at(tmp_path, scene, *AT) == 1


def test_water_alone_cannot_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = looked_at(tmp_path, replace(SCENE, phantom=phantom(0.0)), *AT)

    assert status == 2
    assert "cannot tell" in capsys.readouterr().out


def test_a_place_outside_the_phantom_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = looked_at(tmp_path, SCENE, "--at", "400", "0", "0")

    assert status == 1
    assert "found no voxels of a ball of 5.0 mm there" in capsys.readouterr().err


def test_the_commands_old_name_works_and_says_the_new_one_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["polarity", str(tmp_path / "none.h5")])

    said = capsys.readouterr().err
    assert status == 2
    assert said.count("streamrecon polarity is now called phase-sign") == 1
    assert "none.h5" in said.splitlines()[-1]
