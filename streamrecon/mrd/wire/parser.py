"""Parses the bytes of a peer into messages; knows no socket, thread or file.

The grammar is that of single messages: ids, lengths, limits. Who may say what, and when, is
`streamrecon.mrd.wire.grammar`.
"""

from __future__ import annotations

import struct
from copy import copy

from streamrecon.errors import ProtocolError, TruncatedStream
from streamrecon.mrd.wire.codecs.lines import LINES
from streamrecon.mrd.wire.codecs.row import Codec
from streamrecon.mrd.wire.codecs.table import BY_ID
from streamrecon.mrd.wire.decode_fields import Reading
from streamrecon.mrd.wire.decode_lines import (
    PREFIX_BYTES,
    Shape,
    compressed_line,
    leading_run,
    shape_of,
)
from streamrecon.mrd.wire.messages import Limits, Message
from streamrecon.mrd.wire.receive_buffers import Blocks

_ROOM_BYTES = 64 << 10  # a read into less room than this wastes a system call
_UNNAMED, _LINE = "a message", f"message {LINES}"
_U16 = struct.Struct("<H")


class MrdParser:
    """Parses one direction of one MRD stream: a client, a server, a file, an external process.

    Bytes are written into `space` and announced by `commit`, which gives the messages that are
    whole. Neighbouring lines of one shape come as one `Acquisitions` of views into the block:
    nothing is copied but the unfinished tail of a block. A block is written again only when
    nobody holds a view of it, so the views stay right; they keep their block (4 MiB) alive, and
    they are aligned to 2 bytes only.

    The first error ends the parser: the messages before it are delivered, then every call
    raises it. A loop that reads into `space` meets it before it waits for more bytes.

    Examples
    --------
    >>> parser = MrdParser()
    >>> parser.receive(bytes([5, 0, 2, 0, 0, 0]) + b"hi" + bytes([4]))
    [Text(text='hi')]
    >>> parser.receive(bytes([0]))
    [Close()]
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._blocks = Blocks()
        self._block = memoryview(b"")
        self._start = 0  # of what is not parsed yet
        self._end = 0  # of what is written
        self._need = 2  # bytes from _start without which nothing goes on
        self._body: Reading[Message] | None = None
        self._shape: Shape | None = None  # of the line in work, as soon as it is known
        self._name = _UNNAMED
        self._taken = 0  # bytes of the message in work before _start
        self._failure: ProtocolError | None = None
        self.received = 0
        """Bytes so far."""

    def space(self) -> memoryview:
        """Room for the next bytes, never empty; valid until the next call.

        Raises
        ------
        ProtocolError
            If the parser has ended with it.
        """
        self._raise_failure()
        pending = self._end - self._start
        missing = self._need - pending
        room = len(self._block) - self._end
        if room < missing or (room < _ROOM_BYTES and pending <= _ROOM_BYTES):
            self._renew(pending)
        return self._block[self._end :]

    def commit(self, n: int) -> list[Message]:
        """Take ``n`` bytes written to `space`; give the messages that are whole now.

        Raises
        ------
        ProtocolError
            If they break the grammar and no message comes before the fault.
        """
        self._raise_failure()
        self._end += n
        self.received += n
        messages: list[Message] = []
        try:
            self._limits.check(self.received, "session_bytes", "stream: bytes")
            self._parse(messages)
        except ProtocolError as e:
            self._fail(e)
            if not messages:
                raise
        return messages

    def receive(self, data: bytes | bytearray | memoryview) -> list[Message]:
        """Messages that are whole with ``data``, which is copied; for tests and small pieces."""
        view = memoryview(data)
        messages: list[Message] = []
        while view and self._failure is None:
            space = self.space()
            n = min(len(space), len(view))
            space[:n] = view[:n]
            view = view[n:]
            messages += self.commit(n)
        if not messages:
            self._raise_failure()
        return messages

    def end(self) -> None:
        """Say that no bytes will come any more.

        Raises
        ------
        TruncatedStream
            If the stream stops in the middle of a message.
        ProtocolError
            If the parser has ended with it.
        """
        self._raise_failure()
        pending = self._end - self._start
        if self._body is None and not pending:
            return
        found, needed = self._taken + pending, self._taken + self._need
        raise self._fail(
            TruncatedStream(
                f"{self._name}: found {found} bytes before the stream ended at byte "
                f"{self.received}, needed at least {needed}"
            )
        )

    def _fail(self, failure: ProtocolError) -> ProtocolError:
        """Keep a copy of ``failure`` without its traceback, which would keep parser and blocks."""
        bare = copy(failure).with_traceback(None)  # libraries teach `copy` to keep tracebacks
        bare.__cause__ = bare.__context__ = None
        self._failure = bare
        return failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise copy(self._failure)

    def _renew(self, pending: int) -> None:
        try:
            block = memoryview(self._blocks.take(self._need + _ROOM_BYTES))
        except MemoryError as e:
            raise self._fail(
                ProtocolError(f"{self._name}: found a field of {self._need} bytes, needed less")
            ) from e
        block[:pending] = self._block[self._start : self._end]
        self._block, self._start, self._end = block, 0, pending

    def _parse(self, messages: list[Message]) -> None:
        while self._end - self._start >= self._need:
            if self._body is not None:
                self._feed(self._body, messages)
            else:
                self._begin(messages)

    def _begin(self, messages: list[Message]) -> None:
        (number,) = _U16.unpack_from(self._block, self._start)
        if number == LINES.number:
            self._take_lines(messages)
            return
        codec = BY_ID.get(number)
        if codec is None or codec.read is None:
            at = self.received - (self._end - self._start)
            known = ", ".join(map(str, sorted(BY_ID)))
            raise ProtocolError(f"message id: found {number} at byte {at}, needed one of {known}")
        self._open(codec, codec.read(self._limits))

    def _open(self, codec: Codec, body: Reading[Message]) -> None:
        self._name = f"message {codec}"
        self._start += 2
        self._taken = 2
        self._body = body
        self._need = next(body)

    def _feed(self, body: Reading[Message], messages: list[Message]) -> None:
        stop = self._start + self._need
        field = self._block[self._start : stop]
        self._taken += self._need
        self._start = stop
        try:
            self._need = body.send(field)
        except StopIteration as whole:
            self._close()
            messages.append(whole.value)

    def _close(self) -> None:
        self._body, self._shape = None, None
        self._need, self._taken, self._name = 2, 0, _UNNAMED

    def _take_lines(self, messages: list[Message]) -> None:
        if self._need < PREFIX_BYTES:
            self._need, self._name = PREFIX_BYTES, _LINE
            return
        shape = self._shape or shape_of(self._block, self._start, self._limits)
        if shape.compressed:
            self._open(LINES, compressed_line(shape, self._limits))
        elif self._need < shape.bytes:
            self._need, self._shape = shape.bytes, shape
        else:
            run, size = leading_run(self._block[self._start : self._end], shape)
            self._start += size
            self._close()
            messages.append(run)
