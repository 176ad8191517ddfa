"""What the service says of itself to those who watch it; numbers and words, for JSON."""

from __future__ import annotations

import os
import time
from importlib.metadata import version
from pathlib import Path

from streamrecon.server.settings import Settings
from streamrecon.server.watching.scan_events import ScanEvents

_BEGAN = time.time()


def service_facts(
    settings: Settings, events: ScanEvents, *, idle: int, waiting: int
) -> dict[str, object]:
    """Version, places, idle workers, clients in line, and sums over all sessions."""
    sums = events.sums()
    return {
        "version": version("streamrecon"),
        "pid": os.getpid(),
        "began": _BEGAN,
        "now": time.time(),
        "sessions": settings.sessions,
        "idle": idle,
        "busy": len(events.running),
        "waiting": waiting,
        "memory_bytes": _resident_bytes(),
        "scans": dict(sums.scans),
        "refusals": dict(sums.refusals),
        "stage_s": dict(sums.stage_s),
        "lines": sums.lines,
        "images": sums.images,
        "received": sums.received,
        "scan_s": sums.scan_s,
        "most_memory_bytes": sums.most_memory_bytes,
    }


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
