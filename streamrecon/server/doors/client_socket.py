"""Peeks at, writes to and closes a client's socket for the listener."""

from __future__ import annotations

import asyncio
import select
import socket
from contextlib import suppress

from streamrecon.mrd.wire.opening import length_of_first
from streamrecon.server.settings import Settings

_LOOK_BYTES = 4096  # the noise query of Gadgetron's client is 700 bytes
_PIECE_BYTES = 1 << 20  # so that one client's image does not hold up the others
_SCRATCH_BYTES = 1 << 18
_LOST = select.EPOLLHUP | select.EPOLLERR
_QUERY_MARKS = (b"NoiseSummaryGadget", b"DependencyQueryWriter")


class ClientLost(Exception):  # noqa: N818  (an event, not a fault)
    """The client vanished or stopped reading: nobody is there to be told."""


async def first_bytes(client: socket.socket, within_s: float) -> bytes:
    """Look at the first message without taking it, up to 4 kB; empty if the client left.

    A client that has sent a part of it is waited for: a worker is for who has something to say.

    Raises
    ------
    TimeoutError
        If the client does not say it in time.
    ClientLost
        If the connection broke.
    """
    seen, before = b"", -1
    try:
        async with asyncio.timeout(within_s):
            while len(seen) < (needed := min(length_of_first(seen), _LOOK_BYTES)):
                if len(seen) == before:
                    break  # waited for more, and none came: it has ended
                await _has(client, needed)
                before, seen = len(seen), client.recv(_LOOK_BYTES, socket.MSG_PEEK)
    except ConnectionError as error:
        raise ClientLost(str(error)) from error
    return seen


async def _has(client: socket.socket, count: int) -> None:
    """Wait until so many bytes are there, or no more will come."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
    loop.add_reader(client, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


async def closed(client: socket.socket) -> bool:
    """Wait until the client has closed its side; whether it may still read.

    The first bytes tell nothing of it: they are read by others, in another process. A client that
    has sent all and waits for images looks like one that has left, until something is written.
    """
    events = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLET
    loop = asyncio.get_running_loop()
    happened = asyncio.Event()
    with select.epoll() as watch:
        watch.register(client, events)
        loop.add_reader(watch, happened.set)
        try:
            await happened.wait()
            return not any(found & _LOST for _, found in watch.poll(0))
        finally:
            loop.remove_reader(watch)


def is_lost(client: socket.socket) -> bool:
    """Whether the connection was reset: what is written reaches nobody."""
    with select.epoll() as watch:
        watch.register(client, select.EPOLLHUP | select.EPOLLERR)
        return bool(watch.poll(0))


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
    """Read and forget what the client still sends, until it ends, falls silent or takes too long.

    A client that is still sending when the socket closes is reset, and dies before it reads why.
    How much it sends is no limit: one that was refused for its bytes has more of them.
    """
    loop = asyncio.get_running_loop()
    scratch = bytearray(_SCRATCH_BYTES)
    try:
        async with asyncio.timeout(settings.drain_total_s):
            while True:
                async with asyncio.timeout(settings.drain_idle_s):
                    count = await loop.sock_recv_into(client, scratch)
                if count == 0:
                    return
    except (TimeoutError, ConnectionError):
        return
