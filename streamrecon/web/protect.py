"""Keeps what strangers send small and short, and tells browsers to trust nothing but our files."""

from __future__ import annotations

import asyncio
import sys
from typing import ClassVar

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_HEADER_BYTES = 16 << 10
MOST_BODY_BYTES = 64 << 10
MOST_OF_ADDRESS = 64  # connections; a browser keeps six
_HEADER_S = 10.0
BODY_S = 10.0
_STALL_S = 30.0
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer."""
_LENGTHS = {b"content-length", b"transfer-encoding"}  # a proxy may go by the other one
_RAW = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Protect:
    """Around the whole site: headers, the size and time of bodies, readers that stall."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _LENGTHS.issubset(name for name, _ in scope["headers"]):
            refusal = PlainTextResponse("two lengths\n", 400, {"connection": "close", **HEADERS})
            await refusal(scope, receive, send)
            return
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BODY_BYTES:
                raise HTTPException(413, "the request is too large")
            return message

        async def in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                message["headers"] += [(name, value) for name, value in _RAW if name not in there]
            async with asyncio.timeout(_STALL_S):
                await send(message)

        await self._app(scope, limited, in_time)


class Outgoing:
    """Whether what waits for a reader still moves, which is looked at now and then."""

    def __init__(self) -> None:
        self._waiting = 0
        self._has_drained = False

    def drained(self) -> None:
        """Note that almost all has gone since it was last looked at."""
        self._has_drained = True

    def stalls(self, waiting: int) -> bool:
        """Whether nothing of what waited the last time has gone; ``waiting`` bytes wait now."""
        is_stalled = 0 < self._waiting <= waiting and not self._has_drained
        self._waiting, self._has_drained = waiting, False
        return is_stalled


class GuardedProtocol(H11Protocol):
    """HTTP of uvicorn, with limits: time for a whole request, connections of one address, stalls.

    Beyond the second an address's oldest connection that asks nothing is closed, else the new one.
    A client that asks for much and reads nothing would keep answer and connection for ever.
    """

    most_of_address: ClassVar[int] = MOST_OF_ADDRESS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._deadline = self.loop.call_later(_HEADER_S, self._expire)
        self._outgoing = Outgoing()
        self._watch = self.loop.call_later(_STALL_S, self._look)
        guarded = [each for each in self.connections if isinstance(each, GuardedProtocol)]
        alike = [each for each in guarded if _address(each) == _address(self)]
        if len(alike) > self.most_of_address:
            others = [each for each in alike if each is not self and each.asks_nothing]
            min(others, key=lambda each: each.since, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._deadline.cancel()
        self._watch.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """Go on with an answer: its reader has taken most of what waited."""
        self._outgoing.drained()
        super().resume_writing()

    @property
    def since(self) -> float:
        """When it came, on the loop's clock [s]."""
        return self._since

    @property
    def asks_nothing(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _expire(self) -> None:
        if self.cycle is None:
            self.transport.abort()

    def _look(self) -> None:
        if self._outgoing.stalls(self.transport.get_write_buffer_size()):
            self.transport.abort()
        else:
            self._watch = self.loop.call_later(_STALL_S, self._look)


class BehindProxy(GuardedProtocol):
    """The same where a reverse proxy's address is everybody's."""

    most_of_address: ClassVar[int] = sys.maxsize


def _address(connection: H11Protocol) -> str:
    return connection.client[0] if connection.client else ""
