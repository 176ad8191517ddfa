"""Relays between a TLS connection and a plain socket, so that who speaks or listens needs no TLS.

One thread a connection does all of it: OpenSSL's objects are for one thread at a time, while here a
scan is sent in one and images are received in another, and on a service in two processes.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress

from streamrecon.network.tls_connection import TlsConnection

Wanted = dict[int, int]
"""Events that are waited for, by descriptor."""

_PIECE_BYTES = 1 << 18
_LAST_S = 15.0  # of silence, when the plain side has said all; a service reads on for 10


def loopback_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected TCP sockets: what holds one cannot tell it from a peer's on the network."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as door:
        one = socket.create_connection(door.getsockname())
        while True:
            other, address = door.accept()
            if address == one.getsockname():
                break
            other.close()  # a stranger of this machine was quicker
    for end in (one, other):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one, other


def relay(secure: TlsConnection, plain: socket.socket) -> None:
    """Pass on what either side sends until both have ended, or nothing can arrive any more.

    Holds 256 KiB each way, and as much again encrypted: a side that does not read slows the other
    one. When the plain side has said all, the other one has 15 s to send more, each time. Who reads
    no more may have said something last, a refusal for instance: it is passed on, and what was
    meant for the one that has gone is thrown away, for 15 s at most.

    Parameters
    ----------
    secure
        Its handshake done.
    plain
        Connected.

    Raises
    ------
    ssl.SSLError
        If the peer refuses us, or breaks the protocol.
    """
    secure.setblocking(False)
    plain.setblocking(False)
    bare = _Plain(plain)
    inwards, outwards = _Way(secure, bare), _Way(bare, secure)
    until = float("inf")
    while not (inwards.is_done and outwards.is_done) and time.monotonic() < until:
        wanted: Wanted = {}
        moved = [inwards.move(wanted), outwards.move(wanted)]
        if outwards.broken and (inwards.ended or inwards.broken):
            return
        if inwards.broken or outwards.broken:
            until = min(until, time.monotonic() + _LAST_S)
        if any(moved):
            continue
        silent = outwards.is_done or until < float("inf")
        if wanted and not _wait(wanted, _LAST_S if silent else None):
            return


def _wait(wanted: Wanted, longest_s: float | None) -> bool:
    """Whether something happened in time."""
    poll = select.poll()
    for descriptor, events in wanted.items():
        poll.register(descriptor, events)
    return bool(poll.poll(None if longest_s is None else longest_s * 1e3))


class _Plain:
    """A plain socket, used as a connection of TLS is."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.fileno = end.fileno
        self.send = end.send
        self.blocked_by = select.POLLOUT

    def recv_into(self, piece: memoryview) -> int:
        try:
            return self._end.recv_into(piece)
        except ConnectionError:
            return 0

    def flush(self) -> bool:
        return True

    def tell_end(self) -> None:
        with suppress(OSError):  # it has gone already
            self._end.shutdown(socket.SHUT_WR)


class _Way:
    """Bytes on their way from one side to the other, one piece at a time."""

    def __init__(self, source: _Plain | TlsConnection, target: _Plain | TlsConnection) -> None:
        self.ended = False
        """Whether the source has said all."""
        self.broken = False
        """Whether the target has gone: what comes for it is thrown away."""
        self._source = source
        self._target = target
        self._piece = memoryview(bytearray(_PIECE_BYTES))
        self._waiting = self._piece[:0]
        self._is_flushed = True
        self._end_is_sent = False

    @property
    def is_done(self) -> bool:
        """Whether the source has said all, and the target has it."""
        return self.ended and (self.broken or self._is_flushed)

    def move(self, wanted: Wanted) -> bool:
        """Receive a piece if none waits, send what is taken; whether anything happened."""
        has_received = not (self._waiting or self.ended) and self._receive(wanted)
        if self.broken:
            return has_received
        try:
            return self._send(wanted) or has_received
        except ConnectionError:
            self.broken = True
            self._waiting = self._piece[:0]
            return True

    def _receive(self, wanted: Wanted) -> bool:
        try:
            received = self._source.recv_into(self._piece)
        except BlockingIOError:
            _want(wanted, self._source, select.POLLIN)
            return False
        self.ended = received == 0
        self._waiting = self._piece[: 0 if self.broken else received]
        return True

    def _send(self, wanted: Wanted) -> bool:
        """Send what waits, and after all of it that it was all."""
        try:
            taken = self._target.send(self._waiting) if self._waiting else 0
        except BlockingIOError:
            taken = 0
            _want(wanted, self._target, self._target.blocked_by)
        self._waiting = self._waiting[taken:]
        owes_end = self.ended and not self._end_is_sent
        if owes_end:
            self._end_is_sent = True
            self._target.tell_end()
        self._is_flushed = self._target.flush()
        if not self._is_flushed:
            _want(wanted, self._target, select.POLLOUT)
        return taken > 0 or owes_end


def _want(wanted: Wanted, end: _Plain | TlsConnection, event: int) -> None:
    wanted[end.fileno()] = wanted.get(end.fileno(), 0) | event
