"""Whether the service can do all that it is asked: disk, spool, archives, workers, clock."""

from __future__ import annotations

import ctypes
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from streamrecon.dicom.delivery.destinations import read_destinations
from streamrecon.dicom.delivery.journal import State
from streamrecon.dicom.delivery.spool_depth import depths
from streamrecon.dicom.delivery.spool_status import readiness
from streamrecon.errors import StreamReconError
from streamrecon.server.health.folder_health import folder_faults
from streamrecon.server.settings import Settings
from streamrecon.server.workers.delivery_settings import delivery_of
from streamrecon.units import GIB

_LONG_S = 3600.0  # images of a scan that wait longer are missed
_NEARLY_FULL = 0.9
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()  # before this version was written
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOCK_ERROR = 5  # TIME_ERROR of adjtimex(2): nobody sets the clock


@dataclass(frozen=True, slots=True)
class Check:
    """One answer; without a fault its text is empty."""

    fault: str = ""
    warning: str = ""
    """What an operator should know, and no scan suffers from."""


def check_disk(settings: Settings) -> Check:
    """Whether every folder of the settings takes files."""
    return Check("; ".join(folder_faults(settings)))


def check_spool(settings: Settings) -> Check:
    """Whether images get away: none failed, none waits for long, and there is room."""
    folder = delivery_of(settings).spool
    try:
        found = [] if folder is None else depths(folder)
    except sqlite3.Error as e:
        return Check(f"the journal cannot be read: {e}")
    faults = []
    held = sum(depth.bytes for depth in found)
    if held > _NEARLY_FULL * settings.spool_quota_gib * GIB:
        faults.append(f"{held / GIB:.1f} of {settings.spool_quota_gib:g} GiB are used")
    for depth in found:
        age_s = time.time() - depth.oldest
        if depth.state in {State.FAILED, State.REFUSED}:
            faults.append(f"{depth.destination}: {depth.images} images {depth.state.value}")
        elif depth.state is State.WAITING and age_s > _LONG_S:
            faults.append(f"{depth.destination}: images wait for {age_s / 3600:.1f} h")
    return Check("; ".join(faults))


def check_archives(settings: Settings) -> Check:
    """Whether every destination answers (C-ECHO, or a query of the web server); it takes seconds.

    Ask no more often than each 30 s: it is a connection to somebody else's archive.
    """
    file = delivery_of(settings).destinations
    if file is None or not file.exists():
        return Check()
    try:
        answers = list(readiness(read_destinations(file)))
    except StreamReconError as e:
        return Check(str(e))
    return Check("; ".join(line for is_ready, line in answers if not is_ready))


def check_workers(service: Mapping[str, object]) -> Check:
    """Whether a scan that comes now gets a worker, from what the service says of itself."""
    if not service:
        return Check("the service does not answer")
    if service.get("busy") == service.get("sessions"):
        return Check(warning=f"all {service['sessions']} places are taken")
    return Check() if service.get("idle") or service.get("busy") else Check("no worker is warm")


def check_clock() -> Check:
    """Whether the dates in images can be right."""
    if time.time() < _EARLIEST:
        return Check(f"the clock says {datetime.now(UTC):%Y-%m-%d}")
    state = ctypes.create_string_buffer(512)  # struct timex, mode 0: nothing is set
    if _LIBC.adjtimex(state) == _CLOCK_ERROR:
        return Check(warning="nobody sets the clock by a time server")
    return Check()
