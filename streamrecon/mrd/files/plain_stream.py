"""Reads and writes MRD as a plain stream over files and pipes: header, data, CLOSE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BufferedIOBase, RawIOBase
from typing import BinaryIO

from streamrecon.errors import TruncatedStream
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.grammar import SessionGrammar, Stage
from streamrecon.mrd.wire.messages import Close, Limits, Message
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

ByteSource = BufferedIOBase | RawIOBase


def read_stream(
    source: ByteSource, limits: Limits | None = None, *, stage: Stage = Stage.HEADER
) -> Iterator[Message]:
    """Messages from ``source`` up to CLOSE, which is the last one given.

    ``source`` is read as bytes become available and may be a pipe; a buffered or a raw file. It
    begins with the header, or at ``stage`` with a config.

    Raises
    ------
    TruncatedStream
        If the source ends without CLOSE.
    ProtocolError
        If a message breaks the grammar, or comes at the wrong time.
    """
    grammar = SessionGrammar(stage)
    for message in read_messages(source, limits):
        grammar.check(message)
        yield message
        if isinstance(message, Close):
            return
    raise TruncatedStream("the stream ended without CLOSE")


def read_messages(source: ByteSource, limits: Limits | None = None) -> Iterator[Message]:
    """Messages from ``source`` up to its end, in whatever order they come.

    Raises
    ------
    TruncatedStream
        If the source ends in the middle of a message.
    ProtocolError
        If a message breaks the grammar.
    """
    parser = MrdParser(limits)
    # A buffered pipe would wait until all of a block is there.
    fill = source.readinto1 if isinstance(source, BufferedIOBase) else source.readinto
    while n := fill(parser.space()):
        yield from parser.commit(n)
    parser.end()


def write_stream(
    messages: Iterable[Message], target: BinaryIO, dialect: Dialect = Dialect.GADGETRON
) -> None:
    """Write ``messages`` as they come; CLOSE is one of them, and not added.

    After each message the target is flushed, so that a reader at the other end of a pipe works
    on it at once.
    """
    for message in messages:
        target.writelines(encode(message, dialect))
        target.flush()
