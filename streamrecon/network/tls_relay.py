"""Relays between a TLS connection and a plain socket, so that who speaks or listens needs no TLS.

One thread a connection does all of it: OpenSSL's objects are for one thread at a time, while here a
scan is sent in one and images are received in another, and on a service in two processes.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

Wanted = dict[int, int]
"""Events that are waited for, by descriptor."""

_PIECE_BYTES = 1 << 18
_LAST_S = 15.0  # of silence, when the plain side has said all; a service reads on for 10
_QUIET_S = 0.02  # without data from a peer of TLS, before it is told that nothing more will come
_GONE = (ConnectionError, ssl.SSLEOFError, ssl.SSLSyscallError)
"""Errors of a send to who reads no more."""


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


def relay(secure: ssl.SSLSocket, plain: socket.socket) -> None:
    """Pass on what either side sends until both have ended, or nothing can arrive any more.

    Holds 256 KiB each way at most: a side that does not read slows the other one. When the plain
    side has said all, the other one has 15 s to send more, each time. Who reads no more may have
    said something last, a refusal for instance: it is passed on, and what was meant for the one
    that has gone is thrown away, for 15 s at most. A peer of TLS is told the end in its next pause:
    OpenSSL looks for the peer's answer at once, and takes data that come instead for a fault.

    Parameters
    ----------
    secure
        Connected, its handshake done.
    plain
        Connected.

    Raises
    ------
    ssl.SSLError
        If the peer refuses us, or breaks the protocol.
    """
    secure.setblocking(False)
    plain.setblocking(False)
    inwards, outwards = _Way(secure, plain), _Way(plain, secure)
    until = float("inf")
    while not (inwards.ended and outwards.ended) and time.monotonic() < until:
        wanted: Wanted = {}
        moved = [inwards.move(wanted), outwards.move(wanted)]
        if outwards.broken and (inwards.ended or inwards.broken):
            return
        if inwards.broken or outwards.broken:
            until = min(until, time.monotonic() + _LAST_S)
        if any(moved):
            continue
        if outwards.owes_end:
            if not _wait(wanted, _QUIET_S):
                outwards.tell_end()
            continue
        silent = outwards.ended or until < float("inf")
        if not _wait(wanted, _LAST_S if silent else None):
            return
    if outwards.owes_end:
        outwards.tell_end()


def _wait(wanted: Wanted, longest_s: float | None) -> bool:
    """Whether something happened in time."""
    poll = select.poll()
    for descriptor, events in wanted.items():
        poll.register(descriptor, events)
    return bool(poll.poll(None if longest_s is None else longest_s * 1e3))


class _Way:
    """Bytes on their way from one socket to the other, one piece at a time."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.ended = False
        """Whether the source has said all."""
        self.owes_end = False
        """Whether the target has not been told so."""
        self.broken = False
        """Whether the target has gone: what comes for it is thrown away."""
        self._source = source
        self._target = target
        self._piece = memoryview(bytearray(_PIECE_BYTES))
        self._waiting = self._piece[:0]

    def move(self, wanted: Wanted) -> bool:
        """Receive a piece if none waits, send what is taken; whether anything happened."""
        if self.ended:
            return False
        received = None
        if not self._waiting:
            received = self._received(wanted)
            if received == 0:
                self.ended = self.owes_end = True
                if not isinstance(self._target, ssl.SSLSocket):
                    self.tell_end()
            self._waiting = self._piece[: 0 if self.broken else received or 0]
        sent = None
        if self._waiting:
            sent = self._sent(wanted)
            self._waiting = self._waiting[sent or 0 :]
        return received is not None or sent is not None

    def tell_end(self) -> None:
        """Tell the target that nothing more will come; it may send on."""
        self.owes_end = False
        with suppress(OSError):  # of TLS: the peer has not answered yet
            if isinstance(self._target, ssl.SSLSocket):
                self._target.unwrap()
            else:
                self._target.shutdown(socket.SHUT_WR)

    def _received(self, wanted: Wanted) -> int | None:
        """Bytes of a new piece; 0 if there will be none, ``None`` if it must wait."""
        try:
            return _tried(
                lambda: self._source.recv_into(self._piece), self._source, select.POLLIN, wanted
            )
        except ConnectionError:
            return 0

    def _sent(self, wanted: Wanted) -> int | None:
        """Bytes of the piece that are done with; ``None`` if it must wait."""
        try:
            return _tried(
                lambda: self._target.send(self._waiting), self._target, select.POLLOUT, wanted
            )
        except _GONE:
            self.broken = True
            return len(self._waiting)


def _tried(call: Callable[[], int], own: socket.socket, event: int, wanted: Wanted) -> int | None:
    """What the call gives; ``None`` if it must wait, and then for what."""
    try:
        return call()
    except ssl.SSLWantReadError:
        event = select.POLLIN
    except ssl.SSLWantWriteError:
        event = select.POLLOUT
    except BlockingIOError:
        pass
    wanted[own.fileno()] = wanted.get(own.fileno(), 0) | event
    return None
