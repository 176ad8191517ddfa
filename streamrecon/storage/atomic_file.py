"""Writes a file that appears under its name only when it is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_ENDING = 16  # letters: ``_images.h5``, ``.nii.gz``


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a scratch path beside ``path``; it takes that name when the block ends well.

    The scratch name ends like the real one, since some writers choose the format by the suffix;
    before that it has a hash of it, so that it is short where the name is as long as may be.
    If the block fails the scratch file is removed, and what stood at ``path`` stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    scratch = path.with_name(f".unfinished-{os.getpid()}-{digest}{path.name[-_ENDING:]}")
    try:
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def whole_private(path: Path) -> Iterator[BinaryIO]:
    """The same for an open file that only its owner may read, whatever the umask.

    For everything that can hold or name a patient.
    """
    with whole(path) as scratch:
        scratch.unlink(missing_ok=True)  # of a process of the same number that was killed
        with create_private(scratch) as file:
            yield file


def create_private(path: Path, *, buffering: int = -1) -> BinaryIO:
    """Make a file that only its owner may read; one that is there already is an error.

    Raises
    ------
    FileExistsError
        If there is one.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)  # a umask can only have taken more away
    return os.fdopen(descriptor, "wb", buffering)
