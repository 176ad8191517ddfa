"""Names of processes in shared folders, and whether the one in a name has ended.

Two services on one folder may run in containers, where neither sees the other's processes and both
may have the same number: a name says in which space its number counts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_FORGOTTEN_S = 3600.0  # nothing that a process of another space does here takes so long


def own_name() -> str:
    """What this process puts in front of its paths, with a ``-`` behind it."""
    return f"{_space()}.{os.getpid()}"


def has_ended(path: Path) -> bool:
    """Whether the process that named this path has ended; of another space by the path's age.

    A name without a space is one of an older version, which knew only its own.
    """
    space, _, number = path.name.partition("-")[0].rpartition(".")
    if space in {"", _space()}:
        return not Path("/proc", number).exists()
    try:
        return time.time() - path.stat().st_mtime > _FORGOTTEN_S
    except FileNotFoundError:  # it has ended just now
        return False


def _space() -> str:
    """The space of process numbers; empty where the system does not tell."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""
