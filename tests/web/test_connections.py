"""Where one address has all connections it may have, and all of them are being answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from toy_client import PATIENCE_S

from streamrecon.web.protect import GuardedProtocol, Outgoing

MOST = 2
ASK = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Guarded(GuardedProtocol):
    most_of_address = MOST
    gone: ClassVar[asyncio.Event] = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.gone.set()


class SlowSite:
    """Answers when it is told to."""

    def __init__(self, body: bytes = b"at last") -> None:
        self._body = body
        self.asked = asyncio.Semaphore(0)
        self.may_answer = asyncio.Event()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.asked.release()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self._body})


@asynccontextmanager
async def served(site: SlowSite) -> AsyncIterator[int]:
    """The port of a server in this loop."""
    config = uvicorn.Config(site, http=Guarded, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as door:
        serving = asyncio.create_task(server.serve([door]))
        try:
            yield door.getsockname()[1]
        finally:
            site.may_answer.set()
            server.should_exit = True
            await serving


async def connect(port: int, source: str = "127.0.0.1") -> Streams:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))


async def end_of(streams: Streams) -> bytes:
    """All that comes until the other side closes."""
    reader, writer = streams
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def newcomer_of_a_busy_address() -> tuple[bytes, bytes, list[bytes]]:
    """What a newcomer of the address, one of another address and those before are sent."""
    site = SlowSite()
    async with asyncio.timeout(PATIENCE_S), served(site) as port:
        before = [await connect(port) for _ in range(MOST)]
        for _, writer in before:
            writer.write(ASK)
            await site.asked.acquire()
        refused = await end_of(await connect(port))
        elsewhere = await connect(port, "127.0.0.2")
        elsewhere[1].write(ASK)
        await site.asked.acquire()
        site.may_answer.set()
        return refused, await end_of(elsewhere), [await end_of(streams) for streams in before]


def test_a_newcomer_is_refused_and_costs_nobody_an_answer() -> None:
    refused, elsewhere, before = asyncio.run(newcomer_of_a_busy_address())

    assert refused == b""
    assert b"at last" in elsewhere
    assert [b"at last" in answer for answer in before] == [True] * MOST


async def end_of_a_reader_that_stalls() -> None:
    """A client asks for much and reads nothing, until the server has closed."""
    site = SlowSite(b"x" * (32 << 20))
    site.may_answer.set()
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with plain:
        async with asyncio.timeout(PATIENCE_S), served(site) as port:
            plain.connect(("127.0.0.1", port))
            plain.sendall(ASK)
            await site.asked.acquire()
            await Guarded.gone.wait()


def test_a_reader_that_stalls_is_closed_though_the_answer_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamrecon.web.protect._STALL_S", 0.2)
    monkeypatch.setattr(Guarded, "gone", asyncio.Event())

    asyncio.run(end_of_a_reader_that_stalls())


def test_what_still_moves_is_no_stall() -> None:
    outgoing = Outgoing()

    assert not outgoing.stalls(700)
    assert not outgoing.stalls(699)  # a slow line
    outgoing.drained()  # and filled again
    assert not outgoing.stalls(900)
    assert outgoing.stalls(900)
    assert outgoing.stalls(950)
    assert not outgoing.stalls(0)
    assert not outgoing.stalls(100)
