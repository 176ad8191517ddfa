"""Copies of the scans as they come, so that `streamrecon replay` can make the images later."""

from __future__ import annotations

import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from streamrecon.mrd.wire.codecs.row import Turn
from streamrecon.mrd.wire.codecs.table import kinds_of
from streamrecon.mrd.wire.messages import (
    Close,
    Header,
    Message,
)
from streamrecon.mrd.wire.writer import encode

_log = logging.getLogger(__name__)

_ENDING = ".mrd"
_UNFINISHED = ".part"
_BUFFER_BYTES = 1 << 20
_CONVERSATION = kinds_of(Turn.CONFIG, Turn.ASIDE, Turn.ANY)


class RawCopy:
    """Appends one session's scan to a file: header, data, CLOSE, as a plain MRD stream.

    The file is patient data: only its owner may read it. Its name ends with ``.part`` until the
    client's CLOSE is in it. A disk that does not take it ends the copy, never the scan.

    Parameters
    ----------
    folder
        Made if it is not there.
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
        self._ended = False

    def take(self, message: Message) -> None:
        """Append a message of the scan; what belongs to the conversation only is left out."""
        if self._ended or isinstance(message, _CONVERSATION):
            return
        try:
            self._append(message)
        except OSError as error:
            _log.error("raw copy %s ends: %s", self._path.name, error.strerror)
            self.close()

    def _append(self, message: Message) -> None:
        if self._file is None:
            if not isinstance(message, Header):
                return
            self._file = _create(self._unfinished)
        self._file.writelines(encode(message))
        if isinstance(message, Close):
            self.close()
            self._unfinished.rename(self._path)
        elif self._file.tell() > self._quota_bytes:
            _log.error("raw copy %s ends: larger than the quota", self._path.name)
            self.close()

    def close(self) -> None:
        """Take no more."""
        self._ended = True
        if self._file is not None:
            self._file.close()

    @property
    def _unfinished(self) -> Path:
        return self._path.with_name(self._path.name + _UNFINISHED)


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb", _BUFFER_BYTES)


def prune(folder: Path, *, quota_bytes: float, max_age_s: float) -> None:
    """Remove the copies that are too old, then the oldest until the rest fits the quota."""
    found = []
    for path in folder.glob(f"*{_ENDING}*"):
        try:
            facts = path.stat()
        except FileNotFoundError:  # another process was faster
            continue
        found.append((facts.st_mtime, facts.st_size, path))
    left = sum(size for _, size, _ in found)
    for modified, size, path in sorted(found):
        if modified >= time.time() - max_age_s and left <= quota_bytes:
            return
        path.unlink(missing_ok=True)
        left -= size
