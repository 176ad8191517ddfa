"""Tries whether a folder takes what will be written into it, before a scan needs it."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from streamrecon.storage.atomic_file import create_private

_PROBE_BYTES = 1 << 16
_LITTLE_BYTES = 256 << 20  # a few volumes; a scan's raw data can be a hundred times that


def folder_fault(folder: Path) -> str:
    """What is wrong with a folder; an empty text where a file could be written into it.

    A folder that is not there is made, its owner's alone. What it gets wrong: a disk that takes the
    probe may be full when the next scan comes, so little room is a fault as well.
    """
    probe = folder / f".probe-{os.getpid()}-{uuid.uuid4().hex}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with create_private(probe) as file:
                file.write(bytes(_PROBE_BYTES))
                file.flush()
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as e:
        return e.strerror or str(e)
    return f"only {free >> 20} MiB free" if free < _LITTLE_BYTES else ""
