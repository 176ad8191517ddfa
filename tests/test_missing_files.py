"""A file or folder that is not there is told before the work, by every command, with status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamrecon.cli import COMMANDS, main
from streamrecon.commands.analyze import ANALYSES

NOT_THERE = "nowhere"
READING = {
    "send": [NOT_THERE, "--config", "gre_recon", "-o", "out"],
    "replay": ["here.h5", NOT_THERE, "--config", "gre_recon", "-o", "out"],
    "maps": ["--phase", NOT_THERE, "--mag", "here.h5", "-o", "out"],
    "qsm": ["--local", NOT_THERE, "--b0", "3", "-o", "out"],
    "batch": [NOT_THERE, "-o", "out"],
    "convert": [NOT_THERE, "new.mrd"],
    "doctor": ["--settings", NOT_THERE],
    "status": ["--settings", NOT_THERE],
    "history": ["--settings", NOT_THERE],
    "spool": ["list", "--settings", NOT_THERE],
    "serve": ["--settings", NOT_THERE],
    "web": ["--settings", NOT_THERE],
    "pipe": ["--config", f"{NOT_THERE}.xml"],
    "check": [f"{NOT_THERE}.xml"],
    "show": [NOT_THERE],
    "phase-sign": [NOT_THERE],
    "gadgets": None,  # reads nothing
    "analyze": None,  # below, each analysis
}
NEEDED = {
    "cmro2": ["--cbf-value", "50", "--yv", "0.6"],
    "change": ["--baseline", "here.h5"],
    "cosmos": ["here.h5"],
    "rims": ["--lesions", "here.h5"],
    "sti": ["here.h5", "--v1", "here.h5", "--fa", "here.h5", "--vectors", "fsl"],
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here.h5").write_bytes(b"")


def test_every_command_is_asked() -> None:
    assert READING.keys() == COMMANDS.keys()


@pytest.mark.parametrize("command", [name for name, words in READING.items() if words])
def test_a_file_that_is_not_there_is_named(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = READING[command]
    assert words is not None

    assert main([command, *words]) == 2

    assert NOT_THERE in capsys.readouterr().err.splitlines()[-1]
    assert not Path("out").exists()


@pytest.mark.parametrize("analysis", sorted(ANALYSES))
def test_a_folder_of_maps_that_is_not_there_is_named(
    analysis: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["analyze", analysis, NOT_THERE, *NEEDED.get(analysis, []), "-o", "out"]

    assert main(words) == 2

    assert f"{NOT_THERE}: found no such file or folder" in capsys.readouterr().err
    assert not Path("out").exists()
