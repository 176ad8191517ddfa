"""Opens a scan from a file of any kind: MRD in HDF5, or a plain stream of version 1 or 2."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from enum import Enum
from io import BufferedReader
from pathlib import Path

from streamrecon.errors import ProtocolError
from streamrecon.file_kinds import kind_of_bytes, kind_of_file
from streamrecon.mrd.files.hdf5_process import count_lines, read_images, read_scan
from streamrecon.mrd.files.plain_stream import read_stream
from streamrecon.mrd.version2.stream import read_mrd2
from streamrecon.mrd.wire.messages import Close, Header, Message

_START = 8
_XML = "an XML file"
_CONFIG_IDS = (1, 2)
_FIRST_IDS = range(1, 9)
"""Messages that a stream may begin with, or that are told apart by the grammar."""


def open_scan(
    path: Path, group: str | None = None, *, header: bytes | None = None
) -> Generator[Message]:
    """Header, then data in their order; no CLOSE.

    Parameters
    ----------
    path
        File; its first bytes say of which kind it is.
    group
        Group of the scan in an HDF5 file, where there are several.
    header
        MRD header (XML) for a file of images that has none, such as Gadgetron's client writes.

    Raises
    ------
    ProtocolError
        If it cannot be read, or is no scan; with the file's name, and its kind where that is known.
    """
    if header is not None:
        yield Header(header)
        yield from read_images(path)
        return
    kind = _form_of(path)
    if kind is _Form.HDF5:
        yield from read_scan(path, group)
        return
    read = read_mrd2 if kind is _Form.MRD2 else read_stream
    try:
        with path.open("rb") as file:
            for message in read(file):
                if not isinstance(message, Close):
                    yield message
    except OSError as e:  # the disk fails
        raise ProtocolError(f"{path.name}: cannot be read: {e.strerror or e}") from e
    except ProtocolError as e:
        raise type(e)(f"{path.name}: {e}") from e


def header_of(path: Path, group: str | None = None) -> bytes:
    """MRD header (XML) of the scan in a file, or the XML that the file is.

    Raises
    ------
    ProtocolError
        If it cannot be read, or does not begin with a header.
    """
    if kind_of_file(path) == _XML:
        return path.read_bytes()
    with closing(open_scan(path, group)) as scan:
        return first_header(scan).xml


def first_header(scan: Iterator[Message]) -> Header:
    """Take the first message, which is the header in every scan.

    Raises
    ------
    ProtocolError
        If it is not.
    """
    match next(scan, None):
        case Header() as header:
            return header
        case _:
            raise ProtocolError("the scan does not begin with its header")


def lines_of(path: Path, group: str | None = None) -> int | None:
    """Lines of the scan in a file; ``None`` for a stream, which must be read to know.

    Raises
    ------
    ProtocolError
        If it cannot be read.
    """
    return count_lines(path, group) if _form_of(path) is _Form.HDF5 else None


class _Form(Enum):
    HDF5 = b"\x89HDF\r\n\x1a\n"
    MRD2 = b"yardl"
    STREAM = b""


def _form_of(path: Path) -> _Form:
    """Form of a scan on disk; files of other kinds are refused here."""
    try:
        with path.open("rb") as file:
            start = file.read(_START)
    except OSError as e:
        raise ProtocolError(f"{path}: {e.strerror or e}") from e
    form = next(form for form in _Form if start.startswith(form.value))
    if form is _Form.STREAM and not _is_stream(start):
        kind = kind_of_file(path)
        raise ProtocolError(f"{path.name}: found {kind}, needed MRD (HDF5, or a plain stream)")
    return form


def check_is_stream(source: BufferedReader) -> None:
    """Refuse what is no plain stream, by the kind of its first bytes, of which none are taken.

    Raises
    ------
    ProtocolError
        If it begins as another kind of file does.
    """
    start = source.peek()
    if len(start) > 1 and not _is_stream(start):
        kind = kind_of_bytes(start)
        remedy = ": give --mrd2" if start.startswith(_Form.MRD2.value) else ""
        raise ProtocolError(f"found {kind}, needed a plain MRD stream, header first{remedy}")


def check_is_mrd2(source: BufferedReader) -> None:
    """Refuse what is no stream of MRD 2, by the kind of its first bytes, of which none are taken.

    Raises
    ------
    ProtocolError
        If it begins as a stream of version 1, or as another kind of file does.
    """
    start, magic = source.peek(), _Form.MRD2.value
    if start[: len(magic)] == magic[: len(start)]:
        return
    if _is_stream(start):
        raise ProtocolError("found a stream of MRD 1, needed one of MRD 2: leave out --mrd2")
    raise ProtocolError(f"found {kind_of_bytes(start)}, needed a stream of MRD 2")


def begins_with_config(source: BufferedReader) -> bool:
    """Whether a config stands before the header, as clients send it to a server."""
    return int.from_bytes(source.peek(2)[:2], "little") in _CONFIG_IDS


def _is_stream(start: bytes) -> bool:
    return int.from_bytes(start[:2], "little") in _FIRST_IDS
