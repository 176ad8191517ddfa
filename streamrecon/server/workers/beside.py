"""Runs what stands beside the scans: delivery, a look at the folders, cut scans, the watchdog."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from streamrecon.server.health.folder_health import watch_folders
from streamrecon.server.health.systemd import feed_watchdog
from streamrecon.server.sessions.cut_scans import recover_cut_scans
from streamrecon.server.settings import Settings
from streamrecon.server.workers.delivery_process import DeliveryProcess

Effort = Coroutine[object, object, None]


class Beside:
    """Owner of the tasks that no client waits for.

    Parameters
    ----------
    settings
        What the operator chose.

    Raises
    ------
    ConfigError
        If the file of destinations has a fault.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._courier = DeliveryProcess(settings)
        self._kept: list[asyncio.Task[None]] = []
        self._renewed: list[asyncio.Task[None]] = []
        self._ending: list[asyncio.Task[None]] = []

    def start(self, *others: Effort) -> None:
        """Begin with all, and with ``others``, which go on when the settings change."""
        efforts = (*others, feed_watchdog(), recover_cut_scans(self._settings))
        self._kept = [asyncio.create_task(effort) for effort in efforts]
        self._start_renewed()

    def renew(self, courier: DeliveryProcess, settings: Settings) -> None:
        """Go on with these settings; what is on its way to an archive is finished before."""
        self._settings, self._courier = settings, courier
        for task in self._renewed:
            task.cancel()
        self._ending += self._renewed
        self._start_renewed()

    def _start_renewed(self) -> None:
        efforts = (self._courier.run(), watch_folders(self._settings))
        self._renewed = [asyncio.create_task(effort) for effort in efforts]

    async def close(self) -> None:
        """End all."""
        tasks = [*self._kept, *self._renewed, *self._ending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
