"""Keeps raw copies on disk, readable by their owner alone, pruned by age and size."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from streamrecon.storage.atomic_file import create_private
from streamrecon.storage.durable_files import flush_entries
from streamrecon.storage.regular_flush import RegularFlush

_log = logging.getLogger(__name__)

_ENDING = ".mrd"
_UNFINISHED = ".part"
_BUFFER_BYTES = 1 << 20


class RawFile:
    """A file that grows while a scan comes; its name ends with ``.part`` until it is complete.

    What was written is on the disk less than a second later: a power cut costs no more. The file is
    locked while it grows, so that a scan that was cut is told from one that is running. A disk
    that does not take it ends the copy, never the scan.

    Parameters
    ----------
    folder
        Made if it is not there, for its owner only.
    session
        Part of the file's name.
    quota_bytes
        A copy that grows beyond it is ended: it alone would push out all others.
    """

    def __init__(self, folder: Path, session: str, *, quota_bytes: float) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self._path = folder / f"{stamp}-{session}{_ENDING}"
        self._quota_bytes = quota_bytes
        self._file: BinaryIO | None = None
        self._flushing: RegularFlush | None = None
        self.is_ended = False
        self.loss = ""
        """Why the copy ended early; no path."""

    @property
    def name(self) -> str:
        """Name that the file has when it is complete."""
        return self._path.name

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._path.parent

    @property
    def is_begun(self) -> bool:
        """Whether anything was written."""
        return self._file is not None

    def append(self, pieces: Iterable[bytes | bytearray | memoryview]) -> None:
        """Write pieces one behind the other."""
        if self.is_ended:
            return
        try:
            self._append(pieces)
        except OSError as error:
            self._end_early(error.strerror or str(error))

    def _append(self, pieces: Iterable[bytes | bytearray | memoryview]) -> None:
        if self._file is None or self._flushing is None:
            self._file = self._opened()
            self._flushing = RegularFlush(self._file)
        if self._flushing.fault is not None:
            raise self._flushing.fault
        self._file.writelines(pieces)
        if self._file.tell() > self._quota_bytes:
            self._end_early("larger than the quota")

    def _opened(self) -> BinaryIO:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = create_private(self._unfinished, buffering=_BUFFER_BYTES)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            flush_entries(self._path.parent)
        except OSError:
            file.close()
            raise
        return file

    def _end_early(self, reason: str) -> None:
        self.loss = f"the raw copy ends early: {reason}"
        _log.error("raw copy %s ends: %s", self._path.name, reason)
        self.close()

    def complete(self) -> None:
        """Close it under its final name, all of it on the disk."""
        if self.is_ended or self._file is None:
            return
        try:
            self._file.flush()
            os.fdatasync(self._file.fileno())
            self._unfinished.rename(self._path)
            flush_entries(self._path.parent)
        except OSError as error:
            self._end_early(error.strerror or str(error))
        self.close()

    def close(self) -> None:
        """Take no more."""
        self.is_ended = True
        if self._flushing is not None:
            self._flushing.stop()
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:  # closed all the same; what it still held is lost
                self.loss = self.loss or f"the raw copy ends early: {error.strerror}"
                _log.error("raw copy %s lost its end: %s", self._path.name, error.strerror)

    @property
    def _unfinished(self) -> Path:
        return self._path.with_name(self._path.name + _UNFINISHED)


def cut_copies(folder: Path) -> list[Path]:
    """Copies of scans that were cut: without CLOSE, and nobody writes them any more."""
    found = sorted(folder.glob(f"*{_ENDING}{_UNFINISHED}"))
    return [path for path in found if not _is_growing(path)]


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Whether a cut copy is this process's alone until the block ends."""
    with contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context(path.open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held; gone; not ours to read
            is_ours = False
        else:
            is_ours = True
        yield is_ours


def settle(path: Path, ending: str) -> None:
    """Give a cut copy that was worked on another ending, so that it is not found again."""
    path.rename(path.with_name(path.name.removesuffix(_UNFINISHED) + ending))


def _is_growing(path: Path) -> bool:
    with claimed(path) as is_free:
        return not is_free


def prune(folder: Path, *, quota_bytes: float, max_age_s: float) -> None:
    """Remove the copies that are too old, then the oldest until the rest fits the quota.

    What a sick disk does not let go stays, and is logged: the next scan must not fail for it.
    """
    try:
        _prune(folder, quota_bytes, max_age_s)
    except OSError as error:
        _log.error("raw copies in %s are not pruned: %s", folder, error.strerror)


def _prune(folder: Path, quota_bytes: float, max_age_s: float) -> None:
    found = []
    for path in folder.glob(f"*{_ENDING}*"):
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            facts = path.stat()
            found.append((facts.st_mtime, facts.st_size, path))
    remaining = sum(size for _, size, _ in found)
    for modified, size, path in sorted(found):
        if modified >= time.time() - max_age_s and remaining <= quota_bytes:
            return
        path.unlink(missing_ok=True)
        remaining -= size
