"""Peeks at, writes to and closes a client's socket for the listener."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from streamrecon.server.settings import Settings

_LOOK_BYTES = 4096  # the noise query of Gadgetron's client is 700 bytes
_PIECE_BYTES = 1 << 20  # so that one client's image does not hold up the others
_SCRATCH_BYTES = 1 << 18
_QUERY_MARKS = (b"NoiseSummaryGadget", b"DependencyQueryWriter")


class ClientLost(Exception):  # noqa: N818  (an event, not a fault)
    """The client vanished or stopped reading: nobody is there to be told."""


async def first_bytes(client: socket.socket, within_s: float) -> bytes:
    """Look at the first bytes without taking them; empty if the client left.

    Raises
    ------
    TimeoutError
        If the client says nothing.
    ClientLost
        If the connection broke.
    """
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(client, readable.set)
    try:
        async with asyncio.timeout(within_s):
            await readable.wait()
        return client.recv(_LOOK_BYTES, socket.MSG_PEEK)
    except ConnectionError as error:
        raise ClientLost(str(error)) from error
    finally:
        loop.remove_reader(client)


def asks_for_noise(opening: bytes) -> bool:
    """Whether these first bytes are a noise query, whose client aborts when it is sent a TEXT."""
    return any(mark in opening for mark in _QUERY_MARKS)


async def write(client: socket.socket, payload: bytes | bytearray, stall_s: float) -> None:
    """Send all of ``payload``.

    Raises
    ------
    ClientLost
        If the client is gone, or takes longer than ``stall_s`` for a piece.
    """
    loop = asyncio.get_running_loop()
    with memoryview(payload) as view:
        for start in range(0, len(view), _PIECE_BYTES):
            try:
                async with asyncio.timeout(stall_s):
                    await loop.sock_sendall(client, view[start : start + _PIECE_BYTES])
            except TimeoutError as error:
                raise ClientLost(f"it read nothing for {stall_s:g} s") from error
            except OSError as error:
                raise ClientLost(str(error)) from error


def half_close(client: socket.socket) -> None:
    """Say that nothing more will come, and stay able to read; a client that left needs neither."""
    with suppress(OSError):
        client.shutdown(socket.SHUT_WR)


async def drain(client: socket.socket, settings: Settings) -> None:
    """Read and forget what the client still sends, until it ends or a limit is reached.

     A client that is still sending when the socket closes is reset, and dies before it reads why
    .
    """
    loop = asyncio.get_running_loop()
    scratch = bytearray(_SCRATCH_BYTES)
    remaining = settings.session_gib * 2**30
    try:
        async with asyncio.timeout(settings.drain_total_s):
            while remaining > 0:
                async with asyncio.timeout(settings.drain_idle_s):
                    count = await loop.sock_recv_into(client, scratch)
                if count == 0:
                    return
                remaining -= count
    except (TimeoutError, ConnectionError):
        return
