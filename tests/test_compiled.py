"""Loops compute the same whatever becomes of the folder that keeps them compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_CODE = """
import logging, sys
logging.basicConfig(format="%(message)s")
from streamrecon.machine.compiled import njit
sys.path.insert(0, sys.argv[1])
from loops import squares
import os, pathlib, shutil
if sys.argv[2:] == ["gone"]:
    for path in pathlib.Path(os.environ["NUMBA_CACHE_DIR"]).iterdir():
        shutil.rmtree(path)
        path.write_text("a file where a folder was")
print(squares(5))
"""
_LOOPS = """
from streamrecon.machine.compiled import njit

@njit(nogil=True)
def squares(n):
    total = 0
    for k in range(n):
        total += k * k
    return total
"""


def computed(folder: Path, kept: Path, *more: str) -> tuple[str, str]:
    """What a new process computes, and what it has to say of its folder ``kept``."""
    (folder / "loops.py").write_text(_LOOPS)
    places = {"NUMBA_CACHE_DIR": str(kept), "NUMBA_CACHE_LOCATOR_CLASSES": _GIVEN_ONE_ALONE}
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(folder), *more],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | places,
    )
    return done.stdout.strip(), done.stderr.strip()


_GIVEN_ONE_ALONE = "UserProvidedCacheLocator"


def test_without_any_folder_it_is_compiled_each_time_and_told_once(tmp_path: Path) -> None:
    result, said = computed(tmp_path, Path("/dev/null/nowhere"))

    assert result == "30"
    assert said == "compiled code has no folder that takes it; NUMBA_CACHE_DIR names one"


def test_a_folder_that_is_lost_before_the_first_call_is_told(tmp_path: Path) -> None:
    result, said = computed(tmp_path, tmp_path / "kept", "gone")

    assert result == "30"
    assert said.startswith("compiled code cannot be")


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda _: b"noise" * 99])
def test_damaged_files_are_made_again(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = computed(tmp_path, kept)
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(damage(path.read_bytes()))

    second, third = computed(tmp_path, kept), computed(tmp_path, kept)

    assert first == ("30", "")
    assert second[0] == third[0] == "30"
    assert "and is made again" in second[1]
