"""Gadgetron's package and the reference package of MRD: installed, and not in our way."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan
from wire_service import reconstructed, serving

from streamrecon.mrd.wire.messages import ConfigFile

ROOT = Path(__file__).parents[2]
PACKAGES = ("gadgetron", "ismrmrd")
_CHAIN = "gre_full"
_DECOY = """from pathlib import Path
Path(__file__).with_name("imported").touch()
raise ImportError("a decoy")
"""


@pytest.fixture
def decoys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages of both names ahead of the real ones, for every process that is started."""
    folder = tmp_path / "decoys"
    for name in PACKAGES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(_DECOY)
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    return folder


def imported(decoys: Path) -> list[str]:
    return sorted(path.parent.name for path in decoys.glob("*/imported"))


def test_a_decoy_says_that_it_was_imported(decoys: Path) -> None:
    for name in PACKAGES:
        done = subprocess.run(
            [sys.executable, "-c", f"import {name}"], check=False, capture_output=True
        )
        assert b"a decoy" in done.stderr

    assert imported(decoys) == sorted(PACKAGES)


def test_no_process_of_the_service_imports_them(decoys: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "storage") as server:
        reply = reconstructed(simulate(SCENES["tiny"]).messages(), server, ConfigFile(_CHAIN))

    assert reply.images
    assert imported(decoys) == []


def test_a_replay_imports_neither(decoys: Path, tmp_path: Path) -> None:
    scan = tmp_path / "tiny.h5"
    write_scan(simulate(SCENES["tiny"]), scan)
    command = [sys.executable, "-m", "streamrecon", "replay", str(scan), "--config", _CHAIN]

    subprocess.run([*command, "-o", str(tmp_path)], check=True, capture_output=True)

    assert list((tmp_path / "tiny").glob("*.nii.gz"))
    assert imported(decoys) == []


def test_only_the_target_of_execute_imports_gadgetron() -> None:
    folders = [ROOT / "streamrecon", ROOT / "gadgets", ROOT / "simulator"]
    importers = {
        (str(path.relative_to(ROOT)), name)
        for folder in folders
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imported_by(node)
        if name in PACKAGES
    }

    assert importers == {("gadgets/streamrecon_gadgets/external.py", "gadgetron")}


def _imported_by(node: ast.AST) -> list[str]:
    """Top-level packages that a statement imports, wherever in a file it stands."""
    match node:
        case ast.Import(names=names):
            return [alias.name.partition(".")[0] for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module.partition(".")[0]]
    return []
