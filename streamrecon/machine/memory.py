"""How much memory this process may have, of the machine or its groups, and giving it back."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

_SELF = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory.limit_in_bytes")  # of versions 2 and 1
_EVENTS = ("memory.events", "memory.oom_control")
_SYSTEM_EVENTS = Path("/proc/vmstat")
_ARENA_MAX = -8  # of mallopt(3)
_SPARE = 0.9  # of the memory: the system and the listener live of the rest


def available_bytes(memberships: Path = _SELF, root: Path = _ROOT) -> int:
    """Memory for all scans together: nine tenths of the machine's, or of the least limit.

    Parameters
    ----------
    memberships
        File that names the control groups of this process.
    root
        Folder in which they are mounted.
    """
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for group in _groups(memberships, root):
        limits += [int(text) for name in _LIMITS if (text := _read(group / name)).isdigit()]
    return int(_SPARE * min(limits))


def bytes_of_each(processes: int, gib: float | None = None) -> int:
    """Memory of one of so many processes that share it evenly, unless it is given [GiB].

    >>> bytes_of_each(4, gib=1.5)
    1610612736
    """
    return available_bytes() // processes if gib is None else int(gib * (1 << 30))


def memory_kills(
    memberships: Path = _SELF, root: Path = _ROOT, system: Path = _SYSTEM_EVENTS
) -> int:
    """How many processes the kernel has killed for want of memory, here or in our groups."""
    texts = [_read(system)]
    for group in _groups(memberships, root):
        texts += [_read(group / name) for name in _EVENTS]
    words = (line.split() for text in texts for line in text.splitlines())
    return sum(int(pair[1]) for pair in words if len(pair) == 2 and pair[0] == "oom_kill")


def give_back_freed() -> None:
    """Return the pages of freed arrays to the system, where the C library can (glibc).

    It keeps arrays of up to 32 MiB for later, and an eighth of a process so was room that nobody
    used while the largest stage of a map asked for more. Takes some ms, and again some when the
    room is asked for anew: for between stages, not for loops.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def one_arena() -> None:
    """Let threads that begin from now on take from what others have freed (glibc).

    Each would else keep room of its own: up to a tenth of a map's peak, differing from run to run.
    """
    options = getattr(ctypes.CDLL(None), "mallopt", None)
    if options is not None:
        options(_ARENA_MAX, 1)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


def _groups(memberships: Path, root: Path) -> Iterator[Path]:
    """Folders of the groups with a word on memory, and of all above them.

    In a container the path may be that of the host, which is not mounted: then its root counts.
    """
    for line in _read(memberships).splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number != "0" and "memory" not in controllers.split(","):
            continue
        top = root / "memory" if controllers else root
        group = top / path.strip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(top))


def _read(file: Path) -> str:
    """Text of a file of the kernel's; empty where there is none."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
