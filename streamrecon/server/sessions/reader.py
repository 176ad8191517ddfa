"""Reads whole messages from the client's socket, in a thread of the session."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from streamrecon.errors import TruncatedStream
from streamrecon.mrd.wire.messages import Close, Header, Limits, Message
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.server.sessions.error_report import OverdueError
from streamrecon.server.settings import Settings
from streamrecon.units import GIB

_BATCH_BYTES = 1 << 22  # enough lines that parsing is vectorised, few enough to stay in the cache
_SCRATCH_BYTES = 1 << 18

Put = Callable[[Message | Exception], bool]
Copy = Callable[[Message], None]


class _Stopped(Exception):  # noqa: N818  (the session is over)
    """The session is over, or the listener is gone."""


class Intake:
    """Reads one client until CLOSE, an error or `stop`.

    Takes what is there, up to 4 MiB, before it parses: at full speed the batches are large, at
    scanner pace a line is parsed when it comes. After CLOSE or an error it reads on and forgets,
    so that a client that only sends never blocks.

    The client's socket is non-blocking and must stay so: the listener's copy shares the flag.

    Parameters
    ----------
    client
        Connected.
    channel
        Watched for the listener's end.
    settings
        Limits of time and bytes.
    put
        Takes each message, and last the error that ended the stream; ``False`` ends the reading.
    copy
        Sees every message first.
    """

    def __init__(
        self,
        client: socket.socket,
        channel: socket.socket,
        settings: Settings,
        put: Put,
        copy: Copy,
    ) -> None:
        self._client = client
        self._settings = settings
        self._put = put
        self._copy = copy
        self._parser = MrdParser(Limits(session_bytes=round(settings.session_gib * GIB)))
        self._opened = False
        self._opening_ends = 0.0
        self._closed = False
        self._wake, self._waker = socket.socketpair()
        self._poll = select.poll()
        self._poll.register(client, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        self._poll.register(channel, 0)  # hang-up is always told

    @property
    def received(self) -> int:
        """Bytes so far."""
        return self._parser.received

    def run(self) -> None:
        """Read until the stream or the session ends."""
        try:
            self._read()
            self._forget()
        except _Stopped:
            self._put(ConnectionAbortedError("the listener is gone"))  # or the session is over
        finally:
            self._wake.close()

    def stop(self) -> None:
        """End `run` from another thread."""
        self._waker.close()

    def _read(self) -> None:
        self._opening_ends = time.monotonic() + self._settings.opening_s
        try:
            while not self._closed:
                space = self._parser.space()[:_BATCH_BYTES]  # or the error met before
                self._wait_for_client()
                for message in self._take(space):
                    self._copy(message)
                    self._note(message)
                    if not self._put(message):
                        return
        except _Stopped:
            raise
        except Exception as error:  # noqa: BLE001  (the edge of a thread)
            self._put(error)

    def _wait_for_client(self) -> None:
        if self._opened:
            what, limit_s = "the stream paused", self._settings.idle_s
            remaining_s = limit_s
        else:
            what, limit_s = "no header came", self._settings.opening_s
            remaining_s = self._opening_ends - time.monotonic()
        if remaining_s <= 0 or not self._wait(remaining_s):
            raise OverdueError(f"{what} for {limit_s:g} s, at byte {self._parser.received}")

    def _wait(self, longest_s: float) -> bool:
        """Whether the client has something within that time."""
        happened = dict(self._poll.poll(longest_s * 1e3))
        if set(happened) - {self._client.fileno()}:
            raise _Stopped
        return bool(happened)

    def _take(self, space: memoryview) -> list[Message]:
        filled = 0
        with suppress(BlockingIOError):
            while filled < len(space):
                count = self._receive(space[filled:])
                if count == 0 and filled == 0:
                    self._end_of_stream()
                if count == 0:
                    break
                filled += count
        return self._parser.commit(filled)

    def _receive(self, space: memoryview) -> int:
        try:
            return self._client.recv_into(space)
        except ConnectionError as error:
            raise TruncatedStream(
                f"the connection broke at byte {self._parser.received}: {error.strerror}"
            ) from error

    def _end_of_stream(self) -> None:
        self._parser.end()
        raise TruncatedStream(
            f"the stream ended at byte {self._parser.received} without CLOSE, needed CLOSE"
        )

    def _note(self, message: Message) -> None:
        match message:
            case Header():
                self._opened = True
            case Close():
                self._closed = True

    def _forget(self) -> None:
        scratch = bytearray(_SCRATCH_BYTES)
        with suppress(ConnectionError):
            while self._wait(self._settings.drain_total_s):
                with suppress(BlockingIOError):
                    if not self._client.recv_into(scratch):
                        break
        self._poll.unregister(self._client)
        self._poll.poll()  # nothing more to read: wait for the end of the session
