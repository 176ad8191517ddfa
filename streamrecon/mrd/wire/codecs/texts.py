"""Reads and writes texts and messages without a body: configs, header, close, log lines."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.decode_fields import Reading, counted, decoded, u32, u64, until_nul
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece, counted64
from streamrecon.mrd.wire.messages import (
    Close,
    ConfigFile,
    ConfigText,
    Header,
    Limits,
    Message,
    Query,
    RemoteFailure,
    Response,
    Text,
)

_NAME_BYTES = 1024


def _read_config_file(_: Limits) -> Reading[Message]:
    """Id 1: a name in 1,024 bytes, NUL behind it."""
    return ConfigFile(decoded((yield _NAME_BYTES), "config name"))


def _write_config_file(message: ConfigFile, _: Dialect) -> Iterator[Piece]:
    name = message.name.encode()
    if len(name) >= _NAME_BYTES:
        raise ProtocolError(f"config name: found {len(name)} bytes, needed at most 1023")
    yield name.ljust(_NAME_BYTES, b"\0")


def _read_config_text(limits: Limits) -> Reading[Message]:
    """Id 2."""
    return ConfigText(decoded((yield from counted(u32, limits, "text_bytes", "config")), "config"))


def _write_config_text(message: ConfigText, dialect: Dialect) -> Iterator[Piece]:
    yield _counted32(message.xml.encode(), dialect)


def _read_header(limits: Limits) -> Reading[Message]:
    """Id 3."""
    return Header(until_nul((yield from counted(u32, limits, "header_bytes", "header"))))


def _write_header(message: Header, dialect: Dialect) -> Iterator[Piece]:
    yield _counted32(message.xml, dialect)


def _read_close(_: Limits) -> Reading[Message]:
    """Id 4: no body."""
    yield 0
    return Close()


def _write_close(_: Close, __: Dialect) -> Iterator[Piece]:
    return iter(())


def _read_text(limits: Limits) -> Reading[Message]:
    """Id 5; bytes that are not UTF-8 become U+FFFD: a log line shall not end a scan."""
    line = until_nul((yield from counted(u32, limits, "text_bytes", "text")))
    return Text(line.decode(errors="replace").removesuffix("\n"))


def _write_text(message: Text, dialect: Dialect) -> Iterator[Piece]:
    """Gadgetron's client prints texts as they come: without a newline they stand in one line."""
    ending = "\n" if dialect is Dialect.GADGETRON else ""
    yield _counted32(f"{message.text}{ending}".encode(), dialect)


def _read_query(limits: Limits) -> Reading[Message]:
    """Id 6: a reserved number, the correlation id, the question."""
    reserved = yield from u64()
    if reserved:
        raise ProtocolError(f"query: found {reserved} in the reserved field, needed 0")
    correlation = yield from u64()
    words = yield from counted(u64, limits, "text_bytes", "query")
    return Query(decoded(words, "query"), correlation)


def _write_query(message: Query, _: Dialect) -> Iterator[Piece]:
    yield struct.pack("<QQ", 0, message.correlation_id)
    yield counted64(message.text.encode())


def _read_response(limits: Limits) -> Reading[Message]:
    """Id 7: the correlation id, the answer."""
    correlation = yield from u64()
    words = yield from counted(u64, limits, "text_bytes", "response")
    return Response(decoded(words, "response"), correlation)


def _write_response(message: Response, _: Dialect) -> Iterator[Piece]:
    yield struct.pack("<Q", message.correlation_id)
    yield counted64(message.text.encode())


def _read_remote_failure(limits: Limits) -> Reading[Message]:
    """Id 8; bytes that are not UTF-8 become U+FFFD: the failure matters more."""
    words = until_nul((yield from counted(u64, limits, "text_bytes", "error")))
    return RemoteFailure(words.decode(errors="replace").removesuffix("\n"))


def _write_remote_failure(message: RemoteFailure, _: Dialect) -> Iterator[Piece]:
    """Only a Gadgetron is told so, which puts failures behind one another for its client."""
    yield counted64(f"{message.text}\n".encode())


def _counted32(text: bytes, dialect: Dialect) -> bytes:
    ending = b"\0" if dialect is Dialect.FIRE else b""
    return struct.pack("<I", len(text) + len(ending)) + text + ending


TEXTS = (
    Codec(1, "CONFIG_FILE", ConfigFile, _read_config_file, _write_config_file, Turn.CONFIG),
    Codec(2, "CONFIG_TEXT", ConfigText, _read_config_text, _write_config_text, Turn.CONFIG),
    Codec(3, "HEADER", Header, _read_header, _write_header, Turn.HEADER),
    Codec(4, "CLOSE", Close, _read_close, _write_close, Turn.LAST),
    Codec(5, "TEXT", Text, _read_text, _write_text, Turn.ASIDE),
    Codec(6, "QUERY", Query, _read_query, _write_query, Turn.ANY),
    Codec(7, "RESPONSE", Response, _read_response, _write_response, Turn.NEVER),
    Codec(8, "ERROR", RemoteFailure, _read_remote_failure, _write_remote_failure, Turn.NEVER),
)
