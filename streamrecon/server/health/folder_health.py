"""Reports which folders of the service take nothing: at its start, and whenever it is asked.

A sick disk costs what would have been kept on it, never a scan.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from streamrecon.model.delivery import Delivery
from streamrecon.server.settings import Settings
from streamrecon.storage.folder_check import folder_fault

_log = logging.getLogger(__name__)

_PERIOD_S = 60.0


async def watch_folders(settings: Settings) -> None:
    """Log every fault when it comes and when it goes, until cancelled."""
    known: list[str] = []
    while True:
        found = await asyncio.to_thread(folder_faults, settings)
        for fault in found:
            if fault not in known:
                _log.warning("%s", fault)
        if known and not found:
            _log.info("all folders take files again")
        known = found
        await asyncio.sleep(_PERIOD_S)


def health(settings: Settings) -> str:
    """``ok``, or one line for each folder that takes nothing; paths are the operator's business.

    It costs a small file in each folder, written and removed.
    """
    return "\n".join(folder_faults(settings)) or "ok"


def folder_faults(settings: Settings) -> list[str]:
    """One sentence for each folder of the settings that has a fault: what is lost, and why."""
    return [
        f"{name}: {fault}; {loss}"
        for name, folder, loss in _folders(settings)
        if (fault := _temporary_fault() if folder is None else folder_fault(folder))
    ]


def _folders(settings: Settings) -> Iterator[tuple[str, Path | None, str]]:
    """Name, path and what does not happen without it, of every folder that is written."""
    if settings.storage is not None:
        yield "storage", settings.storage, "noise scans and plans are not kept"
    if settings.raw_folder is not None:
        yield "raw_folder", settings.raw_folder, "scans are not copied"
    within = Delivery() if settings.storage is None else Delivery.within(settings.storage)
    spool, destinations = settings.spool or within.spool, settings.destinations
    if spool is not None and (destinations or within.destinations or spool).exists():
        yield "spool", spool, "images are not kept for archives"
    if settings.drop_folder is not None:
        yield "drop_folder", settings.drop_folder, "DICOM files are not dropped"
    yield "temporary folder", None, "programs that the service starts may fail"


def _temporary_fault() -> str:
    try:
        return folder_fault(Path(tempfile.gettempdir()))
    except FileNotFoundError:
        return "none can be written"
