"""Reads and writes streams of MRD 2 by the generated package, as messages of MRD 1.

Its reader fills a buffer of 64 KiB before it gives what is in it, so that the lines at the end of a
pause wait for what comes behind them. Lines are decoded by `line_bytes`. Version 2 has no place for
texts: what is to be said stands on stderr, and a stream that failed lacks its end.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import BinaryIO

from streamrecon.errors import ConfigError, DataError, ProtocolError, TruncatedStream
from streamrecon.mrd.files.plain_stream import ByteSource
from streamrecon.mrd.version2.header import header_from_xml, xml_from_header
from streamrecon.mrd.version2.images import image_from, item_of
from streamrecon.mrd.version2.line_bytes import LineHeads, LineRun
from streamrecon.mrd.version2.lines import lines_of, waveform_from, waveform_to
from streamrecon.mrd.version2.package import Record, generated
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    Header,
    Image,
    Limits,
    Message,
    Waveform,
)

_SCHEMA = "35728e5556269a75"
_LINE, _WAVEFORM = 0, 1
_IMAGES = {
    2: "uint16", 3: "int16", 4: "uint32", 5: "int32", 6: "float32", 7: "float64",
    8: "complexfloat32", 9: "complexfloat64",
}  # fmt: skip
"""Items of a stream, by their number in the schema."""
_DAMAGE = (
    ValueError,
    RuntimeError,
    OverflowError,
    MemoryError,
    struct.error,
    IndexError,
    TypeError,
)


def read_mrd2(source: ByteSource) -> Iterator[Message]:
    """Header, then lines, waveforms and images in their order; no CLOSE.

    Raises
    ------
    ConfigError
        If the package is not installed.
    TruncatedStream
        If the stream lacks its end.
    ProtocolError
        If it is no such stream, of another schema, damaged, or holds what no gadget takes.
    """
    mrd = generated()
    _check_schema(mrd)
    try:
        reader = mrd.BinaryMrdReader(source)
        _bound(reader._stream)  # noqa: SLF001
        header = reader.read_header()
        if header is None:
            raise ProtocolError("MRD 2: found a stream without a header, needed one")
        yield Header(xml_from_header(header))
        yield from _messages(reader._stream, import_module(f"{mrd.__name__}.binary"))  # noqa: SLF001
    except (EOFError, BufferError) as e:  # its buffer cannot be shortened, which it tries then
        raise TruncatedStream("MRD 2: the stream ended before its end") from e
    except _DAMAGE as e:
        raise ProtocolError(f"MRD 2: {type(e).__name__}: {e}") from e


def _check_schema(mrd: Record) -> None:
    found = hashlib.sha256(mrd.BinaryMrdReader.schema.encode()).hexdigest()[:16]
    if found != _SCHEMA:
        raise ConfigError(f"mrd-python: found the schema {found}, needed {_SCHEMA}, that of 2.1")


def _bound(stream: Record) -> None:
    """Have claims of a stream held against the limits before memory is taken for them."""
    for name in ("read_view", "read_bytearray"):
        setattr(stream, name, partial(_bounded, getattr(stream, name)))


def _bounded(read: Callable[[int], Record], count: int) -> Record:
    return read(Limits().check(count, "image_bytes", "MRD 2: bytes of one field"))


def _messages(stream: Record, binary: Record) -> Iterator[Message]:
    """Neighbouring lines of one shape together, all else one by one by the generated reader."""
    run, heads = LineRun(stream), LineHeads(stream)
    while count := stream.read_unsigned_varint():
        for _ in range(count):
            index = stream.read_byte()
            if index != _LINE:
                yield from run.give()
                yield _other(index, stream, binary)
                continue
            head = heads.read()
            if not run.fits(head):
                yield from run.give()
            run.take(head)
    yield from run.give()


def _other(index: int, stream: Record, binary: Record) -> Message:
    generic = binary._binary  # noqa: SLF001  (serializers of plain numbers stand there)
    if index == _WAVEFORM:
        return waveform_from(binary.WaveformSerializer(generic.uint32_serializer).read(stream))
    if index not in _IMAGES:
        raise ProtocolError(f"MRD 2: found item {index} of its union, needed lines or images")
    pixel = getattr(generic, f"{_IMAGES[index]}_serializer")
    return image_from(binary.ImageSerializer(pixel).read(stream))


class Mrd2Writer:
    """Writes messages as a stream of MRD 2, each at once; CLOSE ends it.

    Parameters
    ----------
    target
        Is flushed after every message, and not closed.

    Raises
    ------
    ConfigError
        If the package is not installed.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._writer = generated().BinaryMrdWriter(target)

    def send(self, message: Message) -> None:
        """Write a header, lines, a waveform or an image; end the stream at CLOSE.

        Raises
        ------
        DataError
            If version 2 has no form for the message.
        """
        stream = generated().StreamItem
        match message:
            case Header(xml):
                self._writer.write_header(header_from_xml(xml))
                self._writer.write_data([])
            case Acquisitions():
                self._write([stream.Acquisition(line) for line in lines_of(message)])
            case Waveform():
                self._write([stream.WaveformUint32(waveform_to(message))])
            case Image():
                self._write([item_of(message)])
            case Close():
                self._writer.close()
            case _:
                raise DataError(f"MRD 2: found {type(message).__name__}, which it cannot hold")
        # The generated writer has no flush of its own, and keeps up to 64 KiB.
        self._writer._stream.flush()  # noqa: SLF001

    def _write(self, items: list[Record]) -> None:
        self._writer.write_data(items)
