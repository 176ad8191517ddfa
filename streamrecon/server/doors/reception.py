"""Takes connections in: who is allowed, how many, and TLS off where there is any."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from streamrecon.server.doors.allow_list import is_allowed, peer_of
from streamrecon.server.doors.open_connections import Guest, TurnedAwayError, makes_room
from streamrecon.server.doors.tls_door import TlsDoor, tls_door
from streamrecon.server.settings import Settings

_log = logging.getLogger(__name__)

_ACCEPT_PAUSE_S = 0.5  # when descriptors run out; one comes back when a session ends

Welcome = Callable[[socket.socket, Guest], asyncio.Task[None]]
"""Begins to serve a client over a plain socket."""


class Reception:
    """Lets clients in at the doors.

    Parameters
    ----------
    settings
        Who may come, and how many.
    welcome
        Takes each client that comes in.
    turned_away
        Is told why one did not.

    Raises
    ------
    ConfigError
        If a file of TLS has a fault.
    """

    def __init__(
        self, settings: Settings, welcome: Welcome, turned_away: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._welcome = welcome
        self._turned_away = turned_away
        self._tls = tls_door(settings)
        self._former: list[TlsDoor] = []
        self._guests: dict[Guest, asyncio.Task[None]] = {}

    def renew(self, settings: Settings) -> None:
        """Let in by these settings from now on; who is in stays.

        Raises
        ------
        ConfigError
            If a file of TLS has a fault; then nothing has changed.
        """
        door = tls_door(settings)
        if self._tls is not None:
            self._former.append(self._tls)
        self._settings, self._tls = settings, door

    async def receive(self, door: socket.socket) -> None:
        """Accept for ever."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(door)
            except OSError as error:
                _log.error("accept: %s", error)
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            guest = Guest(str(peer_of(address[0])), loop.time())
            if self._admits(guest):
                self._seat(client, guest)
            else:
                client.close()

    async def close(self) -> None:
        """End what is left of encrypted connections."""
        for door in filter(None, (*self._former, self._tls)):
            await asyncio.to_thread(door.close)

    def _admits(self, guest: Guest) -> bool:
        if not is_allowed(peer_of(guest.address), self._settings.allow):
            _log.warning("%s is turned away: not in the allow list", guest.address)
            self._turned_away("allow")
            return False
        try:
            silent = makes_room(
                self._guests,
                guest,
                most=self._settings.connections,
                most_of_address=self._settings.connections_per_address,
            )
        except TurnedAwayError as reason:
            _log.warning("%s is turned away: %s", guest.address, reason)
            self._turned_away("connections")
            return False
        if silent is not None:
            _log.warning("%s said nothing, and makes room for %s", silent.address, guest.address)
            self._guests.pop(silent).cancel()
        return True

    def _seat(self, client: socket.socket, guest: Guest) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            plain = client if self._tls is None else self._tls.behind(client, guest.address)
        except OSError as error:  # descriptors, threads
            _log.error("%s is turned away: %s", guest.address, error)
            client.close()
            return
        plain.setblocking(False)
        task = self._welcome(plain, guest)
        self._guests[guest] = task
        task.add_done_callback(lambda _: self._guests.pop(guest, None))
