"""Keeps raw copies on disk, readable by their owner alone, pruned by age and size."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from streamrecon.storage.atomic_file import create_private

_log = logging.getLogger(__name__)

_ENDING = ".mrd"
_UNFINISHED = ".part"
_BUFFER_BYTES = 1 << 20


class RawFile:
    """A file that grows while a scan comes; its name ends with ``.part`` until it is complete.

    A disk that does not take it ends the copy, never the scan.

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
        self.is_ended = False

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
            _log.error("raw copy %s ends: %s", self._path.name, error.strerror)
            self.close()

    def _append(self, pieces: Iterable[bytes | bytearray | memoryview]) -> None:
        if self._file is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = create_private(self._unfinished, buffering=_BUFFER_BYTES)
        self._file.writelines(pieces)
        if self._file.tell() > self._quota_bytes:
            _log.error("raw copy %s ends: larger than the quota", self._path.name)
            self.close()

    def complete(self) -> None:
        """Close it under its final name."""
        if self.is_ended or self._file is None:
            return
        self.close()
        try:
            self._unfinished.rename(self._path)
        except OSError as error:
            _log.error("raw copy %s keeps its name: %s", self._unfinished.name, error.strerror)

    def close(self) -> None:
        """Take no more."""
        self.is_ended = True
        if self._file is not None:
            self._file.close()

    @property
    def _unfinished(self) -> Path:
        return self._path.with_name(self._path.name + _UNFINISHED)


def prune(folder: Path, *, quota_bytes: float, max_age_s: float) -> None:
    """Remove the copies that are too old, then the oldest until the rest fits the quota."""
    found = []
    for path in folder.glob(f"*{_ENDING}*"):
        try:
            facts = path.stat()
        except FileNotFoundError:  # another process was faster
            continue
        found.append((facts.st_mtime, facts.st_size, path))
    remaining = sum(size for _, size, _ in found)
    for modified, size, path in sorted(found):
        if modified >= time.time() - max_age_s and remaining <= quota_bytes:
            return
        path.unlink(missing_ok=True)
        remaining -= size
