"""Opens the sockets that the service listens on."""

from __future__ import annotations

import errno
import logging
import os
import socket

from streamrecon.errors import ConfigError
from streamrecon.server.health.systemd import passed_sockets
from streamrecon.server.settings import Settings

_log = logging.getLogger(__name__)

_BACKLOG = 128

Address = tuple[str, int]


def listening_sockets(settings: Settings) -> list[socket.socket]:
    """Sockets bound to every address of the settings, of both families.

    With ``socket_activation`` those that systemd has opened, in place of them. Port 0 takes a free
    port, the same for all addresses. ``::1`` is passed over where the machine has no IPv6, if
    another address is left.

    Raises
    ------
    ConfigError
        If an address cannot be listened on, or no socket is passed.
    """
    if settings.socket_activation:
        return passed_sockets(os.environ)
    doors: list[socket.socket] = []
    port = settings.port
    try:
        for host in settings.host:
            door = _bound(host, port)
            doors.append(door)
            port = door.getsockname()[1]
    except OSError as error:
        if not doors or not _lacks_family(error):
            for door in doors:
                door.close()
            raise ConfigError(f"cannot listen on {host} port {port}: {error}") from error
        _log.info("%s is not listened on: %s", host, error)
    return doors


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    door = socket.socket(family, kind, protocol)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        door.bind(address)
        door.listen(_BACKLOG)
        door.setblocking(False)
    except OSError:
        door.close()
        raise
    return door


def _lacks_family(error: OSError) -> bool:
    return error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL} or isinstance(
        error, socket.gaierror
    )
