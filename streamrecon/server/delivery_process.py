"""Keeps the process that delivers the spool running beside the sessions.

It is a process of its own: an archive's protocol is spoken neither by a worker, which ends with
its scan, nor by the listener, whose clients must not wait for it. It is `streamrecon spool send`,
and ends when its stdin does, hence with the service whatever ends that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
from asyncio.subprocess import Process

from streamrecon.dicom.delivery.destinations import read_destinations
from streamrecon.errors import ConfigError
from streamrecon.model.delivery import Delivery
from streamrecon.server.delivery_settings import delivery_of
from streamrecon.server.settings import Settings

_log = logging.getLogger(__name__)

_GRACE_S = 5.0  # for the image that is on its way; what is not answered is sent again later
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_NICENESS = 5  # images that wait must not slow the scan that runs


class DeliveryProcess:
    """Owner of the delivering process.

    Parameters
    ----------
    settings
        Where spool and destinations are. Without a file of destinations there is nothing to do.

    Raises
    ------
    ConfigError
        If the file of destinations has a fault, or is named and not there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._delivery = _checked(settings)

    async def run(self) -> None:
        """Keep the process running until cancelled; then let it end after what is on its way."""
        if self._delivery is None:
            return
        pause_s = _FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            try:
                ending = f"ended, exit code {await self._run_once(self._delivery)}"
            except OSError as e:
                ending = f"cannot be started: {e.strerror}"
            if time.monotonic() - began > _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            _log.error("the sender of the spool %s; again in %g s", ending, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _run_once(self, delivery: Delivery) -> int:
        process = await self._start(delivery)
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise

    async def _start(self, delivery: Delivery) -> Process:
        words = ["-m", "streamrecon", "spool", "send", "--while-stdin"]
        places = ["--spool", str(delivery.spool), "--destinations", str(delivery.destinations)]
        settings = {
            "STREAMRECON_SPOOL_DAYS": str(self._settings.spool_days),
            "STREAMRECON_LOG_LEVEL": self._settings.log_level,
            "STREAMRECON_LOG_FORMAT": self._settings.log_format,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            *places,
            stdin=subprocess.PIPE,
            env=os.environ | settings,
        )
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        return process


def _checked(settings: Settings) -> Delivery | None:
    delivery = delivery_of(settings)
    file = delivery.destinations
    if file is None or (settings.destinations is None and not file.exists()):
        return None
    if delivery.spool is None:
        raise ConfigError("destinations are set, but no spool: needed a storage or a spool folder")
    destinations = read_destinations(file)
    _log.info("images of the spool go to %s", ", ".join(d.name for d in destinations) or "nobody")
    return delivery


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
