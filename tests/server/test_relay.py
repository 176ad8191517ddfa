"""What the listener adds to a worker's words never comes behind its CLOSE."""

from __future__ import annotations

import asyncio
import socket

from streamrecon.mrd.wire.messages import Close, Text
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.sessions.relay import Relay
from streamrecon.server.settings import Settings


def test_a_word_that_there_is_work_comes_before_close_or_not_at_all() -> None:
    """A client that closed its side hears one each second, also while its worker ends."""
    word, close = (b"".join(map(bytes, encode(m))) for m in (Text("DBG at work"), Close()))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def talk() -> None:
        relay = Relay(ours, "4f2a", Settings())
        await asyncio.gather(*(relay._write(payload) for payload in (word, close, word)))

    with ours, theirs:
        asyncio.run(talk())
        heard = theirs.recv(1 << 10)

    assert heard == word + close
