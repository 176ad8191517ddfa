"""A folder on a disk of this machine, for what is fetched and not yet put back."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

_PREFIX = "streamrecon-batch-"
_YOUNG_S = 60.0  # it may not be locked yet


@contextmanager
def local_scratch() -> Iterator[Path]:
    """Give an empty folder that is gone afterwards, in ``TMPDIR``.

    A process that was killed leaves its own behind, with what it held of patients: the next one
    that asks on this machine removes it.
    """
    _sweep(Path(gettempdir()))
    folder = Path(mkdtemp(prefix=_PREFIX))
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep(room: Path) -> None:
    """Remove folders of ours that no process holds any more."""
    for folder in room.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # gone since, or somebody else's
            found = folder.lstat()
            if found.st_uid == os.getuid() and time.time() - found.st_ctime > _YOUNG_S:
                _remove_if_free(folder)


def _remove_if_free(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
