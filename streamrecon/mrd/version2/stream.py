"""Reads and writes streams of MRD 2 by the generated package, as messages of MRD 1.

Its reader fills a buffer of 64 KiB before it gives what is in it, so that the lines at the end of a
pause wait for what comes behind them. It takes some 40 µs a line. A stream of version 2 has no
place for texts: what is to be said stands on stderr, and a stream that failed lacks its end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from streamrecon.errors import DataError, ProtocolError, TruncatedStream
from streamrecon.mrd.files.plain_stream import ByteSource
from streamrecon.mrd.version2.header import header_from_xml, xml_from_header
from streamrecon.mrd.version2.images import image_from, item_of
from streamrecon.mrd.version2.lines import lines_of, run_of, shape_of, waveform_from
from streamrecon.mrd.version2.lines import waveform_to as waveform_item
from streamrecon.mrd.version2.package import Record, generated
from streamrecon.mrd.wire.messages import Acquisitions, Close, Header, Image, Message, Waveform

_MOST_LINES = 64  # of one run: the readout transform takes as many at a time
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
    try:
        reader = mrd.BinaryMrdReader(source)
        header = reader.read_header()
        if header is None:
            raise ProtocolError("MRD 2: found a stream without a header, needed one")
        yield Header(xml_from_header(header))
        yield from _runs(reader.read_data())
    except (EOFError, BufferError) as e:  # its buffer cannot be shortened, which it tries then
        raise TruncatedStream("MRD 2: the stream ended before its end") from e
    except _DAMAGE as e:
        raise ProtocolError(f"MRD 2: {type(e).__name__}: {e}") from e


def _runs(items: Iterator[Record]) -> Iterator[Message]:
    """Neighbouring lines of one shape together, all else one by one."""
    stream = generated().StreamItem
    waiting: list[Record] = []
    shape: tuple[object, ...] = ()
    for item in items:
        value = item.value
        is_line = type(item) is stream.Acquisition
        fits = is_line and shape_of(value) == shape and len(waiting) < _MOST_LINES
        if waiting and not fits:
            yield run_of(waiting)
            waiting = []
        if is_line:
            shape = shape_of(value)
            waiting.append(value)
        elif isinstance(item, stream.WaveformUint32):
            yield waveform_from(value)
        elif type(item).__name__.startswith("StreamItem.Image") and hasattr(value, "head"):
            yield image_from(value)
        else:
            raise ProtocolError(f"MRD 2: found {type(item).__name__}, needed lines or images")
    if waiting:
        yield run_of(waiting)


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
                self._write([stream.WaveformUint32(waveform_item(message))])
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
