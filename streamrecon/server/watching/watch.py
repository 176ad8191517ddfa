"""Lets the operator watch: events of scans, their socket, and what else stands beside the scans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from streamrecon.server.doors.listening_sockets import Address
from streamrecon.server.health.service_facts import service_facts
from streamrecon.server.settings import Settings
from streamrecon.server.watching.history import History
from streamrecon.server.watching.scan_events import ScanEvents, WatchedScan
from streamrecon.server.watching.scan_record import ScanRecord
from streamrecon.server.watching.watch_socket import WatchSocket
from streamrecon.server.workers.web_process import check_page, keep_page
from streamrecon.server.workers.worker_pool import Pool


class Watch:
    """Owner of everything that watches; a fault of it is logged and touches no scan.

    Parameters
    ----------
    settings
        Where the state is kept.
    pool
        Whose workers are counted.
    waiting
        How many clients are in line.
    """

    def __init__(self, settings: Settings, pool: Pool, waiting: Callable[[], int]) -> None:
        self._settings = settings
        self._pool = pool
        self._waiting = waiting
        self._events = ScanEvents(self._tell)
        check_page(settings)
        self._addresses: list[str] = []
        self._history = History(settings)
        self._socket = WatchSocket(settings.storage, self._events, self._facts)

    def scan(self, session: str, address: str) -> WatchedScan:
        """A session that begins."""
        return WatchedScan(session, address, self._events)

    def turned_away(self, code: str) -> None:
        """A client got no worker, and was told nothing."""
        self._events.turned_away(code)

    def listening(self, addresses: Sequence[Address]) -> None:
        """Clients can connect."""
        self._addresses = [f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in addresses]

    async def run(self) -> None:
        """Serve those who watch until cancelled."""
        try:
            await asyncio.gather(self._socket.run(), keep_page(self._settings))
        finally:
            await asyncio.to_thread(self._history.close)

    def _tell(self, scan: ScanRecord, notice: str) -> None:
        self._socket.tell(scan, notice)
        if not notice:
            self._history.keep(scan)

    def _facts(self) -> dict[str, object]:
        facts = service_facts(
            self._settings, self._events, idle=self._pool.idle, waiting=self._waiting()
        )
        return facts | {"addresses": self._addresses}
