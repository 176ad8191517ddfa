"""Lists scans that a crash cut, and by setting reconstructs them beside the service.

A process of its own does the work, at a lower priority than the scans, one scan after the other:
`streamrecon replay --recover`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import subprocess
import sys
import time
from asyncio.subprocess import Process
from datetime import UTC, datetime
from pathlib import Path

from streamrecon.server.settings import Settings, as_environment
from streamrecon.storage.raw_archive import claimed, cut_copies, settle

_log = logging.getLogger(__name__)

_NICENESS = 10
_FOLDER = "recovered"
_WRONG_SETTING = 2  # exit code of our commands
_DAY_S = 86400.0


async def recover_cut_scans(settings: Settings) -> None:
    """Tell of every cut scan in the raw folder, and reconstruct it where the settings say so.

    A copy that was reconstructed ends with ``.recovered`` from then on, one that could not be with
    ``.failed``. Where the chain of the settings is wrong, or the service ends meanwhile, the copy
    is left for the next start. What was made of a scan is removed at the age of a raw copy.
    """
    if settings.raw_folder is None:
        return
    _remove_old(settings.raw_folder / _FOLDER, settings.raw_days * _DAY_S)
    for copy in await asyncio.to_thread(cut_copies, settings.raw_folder):
        _tell(copy, has_chain=bool(settings.raw_recover))
        if settings.raw_recover:
            try:
                await _recover(copy, settings)
            except OSError as e:
                _log.error("scan %s is not reconstructed: %s", copy.name, e.strerror)


def _remove_old(folder: Path, max_age_s: float) -> None:
    for made in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another service was faster
            if time.time() - made.stat().st_mtime > max_age_s:
                shutil.rmtree(made, ignore_errors=True)


def _tell(copy: Path, *, has_chain: bool) -> None:
    facts = copy.stat()
    when = datetime.fromtimestamp(facts.st_mtime, UTC)
    what_next = "it is reconstructed now" if has_chain else "streamrecon replay --recover takes it"
    _log.warning(
        "scan %s was cut at %s UTC, %.1f MB; %s",
        copy.name,
        f"{when:%Y-%m-%d %H:%M:%S}",
        facts.st_size / 1e6,
        what_next,
    )


async def _recover(copy: Path, settings: Settings) -> None:
    with claimed(copy) as is_free:
        if not is_free:  # another service was faster
            return
        process = await _start(copy, settings)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if code != _WRONG_SETTING:
            settle(copy, ".failed" if code else ".recovered")
    if code:
        _log.error("scan %s is not reconstructed, exit code %d", copy.name, code)
    else:
        _log.info("scan %s is reconstructed, in %s", copy.name, copy.parent / _FOLDER)


async def _start(copy: Path, settings: Settings) -> Process:
    folder = copy.parent / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    words = ["replay", str(copy), "--recover", "--config", settings.raw_recover]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamrecon"),
        *(*words, "--format", "dicom", "-o", str(folder)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=os.environ | as_environment(settings),
    )
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    return process
