"""Names of processes in shared folders, and whether the one in a name has ended.

Two services on one folder may run in containers, where neither sees the other's processes and both
may have the same number: a name says in which space its number counts.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

_FORGOTTEN_S = 3600.0  # nothing that a process of another space does here takes so long
_NAME = re.compile(r"(?:(?P<space>\d*)\.)?(?P<number>\d+)(?:\.(?P<began>\d+))?-")
_BEGAN = 19  # of the words behind a process's name in its status, counted from 0


def own_name() -> str:
    """What this process puts in front of its paths, with a ``-`` behind it."""
    number = os.getpid()
    return f"{_space()}.{number}.{_began(number)}"


def has_ended(path: Path) -> bool:
    """Whether the process that named this path has ended; of another space by the path's age.

    A number alone says little: a container's service has the one that it had before the restart,
    and a busy machine soon gives a number again. So a name holds when its process began. Older
    versions wrote the number alone, or space and number.
    """
    name = _NAME.match(path.name)
    if name and name["space"] in {None, "", _space()}:
        now = _began(name["number"])
        return not now or name["began"] not in {None, now}
    try:
        return time.time() - path.stat().st_mtime > _FORGOTTEN_S
    except FileNotFoundError:  # it has ended just now
        return False


def _began(number: int | str) -> str:
    """When the process of this number began, in ticks of the machine; empty where there is none."""
    try:
        status = Path("/proc", str(number), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[_BEGAN]


def _space() -> str:
    """The space of process numbers; empty where the system does not tell."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""
