"""The tutorial "My first gadget": its commands do what it says, with the template as it lies."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from streamrecon_simulator import SCENES, simulate

import streamrecon as sr

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "tutorials" / "first-gadget.md"
TEMPLATE = ROOT / "examples" / "my_gadget"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, copied and installed as ``pip install -e .`` does: on the path, with facts."""
    folder = tmp_path_factory.mktemp("home") / "my_gadget"
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    facts = folder / f"my_gadget-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"[{group}]\n" + "\n".join(f"{name} = {where}" for name, where in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (facts / "entry_points.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture(autouse=True)
def _installed(package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(package))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def commands() -> list[str]:
    """Commands of the tutorial, in their order, without remarks."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL)
    lines = [
        line.removeprefix("$ ").partition(" #")[0].strip()
        for language, block in blocks
        for line in block.splitlines()
        if language == "console"
    ]
    return [line for line in lines if line]


def said_by(command: str, folder: Path) -> str:
    """What a command of ours says in a folder; it must end well."""
    program, *words = shlex.split(command)
    modules = {"streamrecon": "streamrecon", "streamrecon-simulate": "streamrecon_simulator"}
    before = ["-m", modules[program]] if program in modules else []
    done = subprocess.run(
        [sys.executable, *before, *words], cwd=folder, capture_output=True, text=True, timeout=110,
        env=os.environ, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_commands_that_the_tutorial_shows_are_those_that_are_tested() -> None:
    assert commands() == [
        "cp -r examples/my_gadget ~/my_gadget",
        "cd ~/my_gadget",
        "python -m pytest",
        "pip install -e .",
        "streamrecon gadgets",
        "streamrecon check my_chain.xml",
        "streamrecon-simulate write tiny -o tiny.h5",
        "streamrecon replay tiny.h5 --config my_chain.xml -o out",
        "streamrecon send tiny.h5 --config my_chain.xml -o out",
    ]


def test_the_templates_own_test_passes(package: Path) -> None:
    assert "3 passed" in said_by("python -m pytest -p no:cacheprovider", package)


def test_the_list_and_the_check_know_the_gadget(package: Path) -> None:
    assert "CombineEchoes  (package my-gadget 0.1.0)" in said_by("streamrecon gadgets", package)
    assert "power = 2.0\n" in said_by("streamrecon check my_chain.xml", package)


def test_a_replay_has_the_common_magnitude_beside_the_echoes(package: Path) -> None:
    said_by("streamrecon-simulate write tiny -o tiny.h5", package)

    said_by("streamrecon replay tiny.h5 --config my_chain.xml -o out", package)

    folder = package / "out" / "tiny"
    one, two = (
        nibabel.load(next(folder.glob(f"*_echo-{n}_part-mag_MEGRE.nii.gz"))).get_fdata()
        for n in (1, 2)
    )
    both = nibabel.load(next(folder.glob("*_desc-combined_magnitude.nii.gz"))).get_fdata()
    np.testing.assert_allclose(both, np.sqrt((one**2 + two**2) / 2), rtol=1e-4)


def test_a_service_runs_it_from_a_chain_that_a_client_sends(package: Path) -> None:
    with sr.Server(warm_workers=1, sessions=1) as server:
        volumes = sr.send(
            simulate(SCENES["tiny"]).messages(), server, package / "my_chain.xml", power=1.0
        )

    values = {(volume.quantity, volume.echo): volume.values for volume in volumes}
    mean = values[sr.Quantity.MAGNITUDE_COMBINED, None]
    echoes = [values[sr.Quantity.MAGNITUDE, n] for n in (0, 1)]
    np.testing.assert_allclose(mean, (echoes[0] + echoes[1]) / 2, rtol=1e-4)
