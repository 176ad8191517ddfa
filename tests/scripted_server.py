"""An MRD server for tests that does one scripted thing, and keeps what it was sent."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from streamrecon.client import Server

CLOSE = struct.pack("<H", 4)
_LIMIT_S = 20.0  # nothing here takes a second; a test that hangs ends by this


def text(words: str) -> bytes:
    """Bytes of a TEXT."""
    return struct.pack("<HI", 5, len(words)) + words.encode()


def hear_all(peer: socket.socket) -> bytes:
    """Read until the stream so far ends with CLOSE, or ends."""
    heard = bytearray()
    while not heard.endswith(CLOSE):
        piece = peer.recv(1 << 16)
        if not piece:
            break
        heard += piece
    return bytes(heard)


class ScriptedServer:
    """Accepts one client on a loopback port and runs ``script`` with its socket.

    What the script returns is ``heard``. Afterwards the server closes its direction and reads
    what still comes.
    """

    def __init__(self, script: Callable[[socket.socket], bytes]) -> None:
        self._script = script
        self._door = socket.create_server(("127.0.0.1", 0))
        self._door.settimeout(_LIMIT_S)
        self._pool = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Self:
        self._serving = self._pool.submit(self._serve)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.close()
        self._pool.shutdown()

    @property
    def address(self) -> Server:
        """Where it listens."""
        return Server("127.0.0.1", self._door.getsockname()[1], idle_s=_LIMIT_S)

    @property
    def heard(self) -> bytes:
        """What the script returned."""
        return self._serving.result(_LIMIT_S)

    def _serve(self) -> bytes:
        peer, _ = self._door.accept()
        with peer:
            peer.settimeout(_LIMIT_S)
            return self._script(peer)
