"""Writes a batch of files with one flush; its folder appears only when it is whole."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from streamrecon.errors import ConfigError
from streamrecon.storage.atomic_file import create_private

_LIBC = ctypes.CDLL(None, use_errno=True)


def write_folder(folder: Path, files: Mapping[str, bytes], *, scratch: Path) -> None:
    """Make ``folder`` with ``files`` in it: after a crash it is there whole, or not at all.

    The files are written in ``scratch``, a folder of the same file system that must not exist,
    flushed together, and renamed together.
    """
    scratch.mkdir(mode=0o700)
    try:
        for name, data in files.items():
            with create_private(scratch / name) as file:
                file.write(data)
        flush_files(scratch)
        scratch.rename(folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    flush_entries(folder.parent)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put ``files`` into ``folder``, each under its name only when all of them are on the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {folder / name: folder / f".{name}.{os.getpid()}.part" for name in files}
    try:
        for (path, part), data in zip(parts.items(), files.values(), strict=True):
            assert_inside(path, folder)
            part.write_bytes(data)
        flush_files(folder)
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    flush_entries(folder)


def assert_inside(path: Path, folder: Path) -> None:
    """Refuse a name that leads out of the folder.

    Raises
    ------
    ValueError
        If it does.
    """
    if path.parent != folder:
        raise ValueError(f"file name: found {path.name!r}, needed one without folders")


def flush_files(folder: Path) -> None:
    """Bring what was written on the folder's file system to the disk, in one call.

    Where the system has no ``syncfs`` all file systems are flushed.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not hasattr(_LIBC, "syncfs"):
            os.sync()
        elif _LIBC.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def flush_entries(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class HeldError(ConfigError):
    """Another process holds what only one may have."""


class Lock:
    """A file that one process holds until it ends, however it ends.

    Raises
    ------
    HeldError
        If another one holds it.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            os.close(self._file)
            raise HeldError(f"{path}: held by another process, needed it alone") from e

    def release(self) -> None:
        """Let the next one have it."""
        os.close(self._file)
