"""Folders on disks that take nothing: full, read-only, or no folder at all."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KINDS = ("no folder", "full", "read-only")
_MIB = 1 << 20


@contextmanager
def sick(place: Path, kind: str) -> Iterator[Path]:
    """A folder at ``place`` that takes no file; a file system of its own where root may mount."""
    if kind == "no folder":
        place.write_text("a file where a folder should be")
        yield place
        return
    with mounted(place) as disk:
        (disk / "destinations.toml").write_text(
            '[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = 1\n'
        )
        if kind == "full":
            fill(disk)
        else:
            _mount("-o", "remount,ro", place)
        yield place


@contextmanager
def mounted(place: Path, mib: int = 4) -> Iterator[Path]:
    """A small disk in memory, its owner's alone."""
    place.mkdir(mode=0o700)
    if _mount("-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "tmpfs", place):
        pytest.skip("no right to mount a small file system here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path) -> Path:
    """The file that leaves no byte to others."""
    ballast = disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(bytes(_MIB)):
                pass
    except OSError:
        pass
    return ballast


def _mount(*words: str | Path) -> int:
    try:
        return subprocess.run(["mount", *words], check=False, capture_output=True).returncode
    except FileNotFoundError:
        return 1
