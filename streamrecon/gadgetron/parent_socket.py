"""The socket to Gadgetron: messages in and out, and an end that is always said."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from streamrecon.errors import ProtocolError, TruncatedStream
from streamrecon.mrd.wire.codecs.row import Turn
from streamrecon.mrd.wire.codecs.table import kinds_of
from streamrecon.mrd.wire.messages import Close, Message, RemoteFailure
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

QUIET_S = 1.0
"""After an error: silence after which Gadgetron has taken it. It answers with CLOSE at once."""
DRAIN_S = 60.0
"""After an error: longest time that its data are still taken."""

DATA = kinds_of(Turn.DATA)
"""What may travel between header and CLOSE."""


class Peer:
    """The socket to Gadgetron: messages in and out, and an end that is always said."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.settimeout(None)
        if connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._heard_close = False

    def data(self) -> Iterator[Message]:
        """Messages up to CLOSE.

        Raises
        ------
        TruncatedStream
            If the peer goes without CLOSE.
        ProtocolError
            If it sends what is not data.
        """
        parser = MrdParser()
        while True:
            for message in self._receive(parser):
                if isinstance(message, Close):
                    self._heard_close = True
                    return
                if not isinstance(message, DATA):
                    found = type(message).__name__
                    raise ProtocolError(f"found {found} from Gadgetron, needed data or CLOSE")
                yield message

    def _receive(self, parser: MrdParser) -> list[Message]:
        try:
            n = self._socket.recv_into(parser.space())
        except OSError as e:
            raise TruncatedStream(f"Gadgetron is gone: {e}") from e
        if n == 0:
            parser.end()
            raise TruncatedStream("Gadgetron is gone: the connection ended without CLOSE")
        return parser.commit(n)

    def send(self, message: Message) -> None:
        """Send a whole message.

        Raises
        ------
        TruncatedStream
            If the peer has gone.
        """
        try:
            for piece in encode(message):
                self._socket.sendall(piece)
        except OSError as e:
            raise TruncatedStream(f"Gadgetron is gone: {e}") from e

    def fail(self, reason: str) -> None:
        """Tell Gadgetron of an error, if it is still there."""
        with suppress(TruncatedStream):
            self.send(RemoteFailure(reason))

    def close(self) -> None:
        """Send CLOSE; after an error take what still comes, so that the error is not lost.

        A socket that is closed with bytes unread resets the connection, and what was sent before
        may be thrown away unread. Gadgetron may also be held up in a send, with the lock that it
        needs to take the error.
        """
        with suppress(OSError, TruncatedStream):
            self.send(Close())
            self._socket.shutdown(socket.SHUT_WR)
            if not self._heard_close:
                self._drain()
        self._socket.close()

    def _drain(self) -> None:
        self._socket.settimeout(QUIET_S)
        end = time.monotonic() + DRAIN_S
        rest = bytearray(1 << 16)
        while self._socket.recv_into(rest) and time.monotonic() < end:
            pass
