"""Speaks with systemd: takes its sockets, says how the service is, feeds its watchdog.

Where nobody listens for it, everything here does nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping

from streamrecon.errors import ConfigError

_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START


def notify(*states: str) -> None:
    """Tell states, as ``READY=1``, to the socket in ``NOTIFY_SOCKET``.

    One that is gone is passed over: the service does not depend on who watches it.

    References
    ----------
    sd_notify(3), systemd 252.
    """
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place:
        return
    address = "\0" + place[1:] if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        try:
            end.sendto("\n".join(states).encode(), socket.MSG_DONTWAIT, address)
        except OSError:
            return


def reloading() -> None:
    """Tell that the configuration is read again; `notify` of ``READY=1`` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_period_s(environment: Mapping[str, str]) -> float | None:
    """How often a sign of life is due: half of what systemd waits; ``None`` where it does not.

    >>> watchdog_period_s({"WATCHDOG_USEC": "30000000"})
    15.0
    """
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    waits_us = environment.get("WATCHDOG_USEC", "")
    return int(waits_us) / 2e6 if waits_us.isdecimal() and int(waits_us) else None


async def feed_watchdog() -> None:
    """Give signs of life while the event loop turns, until cancelled."""
    period_s = watchdog_period_s(os.environ)
    while period_s is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(period_s)


def passed_sockets(environment: Mapping[str, str]) -> list[socket.socket]:
    """The listening sockets that systemd, or another parent, has opened for us.

    Raises
    ------
    ConfigError
        If there are none, or one is no listening stream socket.

    References
    ----------
    sd_listen_fds(3), systemd 252.
    """
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal() or count == "0":
        raise ConfigError(
            "socket_activation: found no sockets of systemd, needed a .socket unit"
            " (LISTEN_FDS, LISTEN_PID)"
        )
    return [_door(_FIRST_DESCRIPTOR + number) for number in range(int(count))]


def _door(descriptor: int) -> socket.socket:
    os.set_inheritable(descriptor, False)
    try:
        door = socket.socket(fileno=descriptor)
        listens = door.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as e:
        raise ConfigError(f"socket_activation: descriptor {descriptor}: {e.strerror}") from e
    if not listens or door.family not in {socket.AF_INET, socket.AF_INET6}:
        raise ConfigError(f"socket_activation: descriptor {descriptor} is no listening TCP socket")
    door.setblocking(False)
    return door
