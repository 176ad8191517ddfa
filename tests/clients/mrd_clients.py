"""Two clients written from the protocol: one as FIRE's hosts speak it, one as Gadgetron's.

Bytes are read with the reference package ``ismrmrd`` and the standard library, not with ours. Both
keep each series as one array, as the real ones do, and die of what those die of.
"""

from __future__ import annotations

import ctypes
import json
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from xml.etree import ElementTree

import ismrmrd
import numpy as np

from streamrecon.mrd.wire.messages import Acquisitions, Header, Image, Message

PATIENCE_S = 120.0
"""A trial that waits longer than this hangs."""

_PIXELS = {1: np.uint16, 2: np.int16, 3: np.uint32, 5: np.float32, 6: np.float64, 7: np.complex64}


class ClientDied(Exception):  # noqa: N818  (what happened to it)
    """The real client ends here, with what it says."""


@dataclass(frozen=True)
class Received:
    """An image as a client has it: header, meta with lists of texts, pixels [C, Z, Y, X]."""

    header: ismrmrd.ImageHeader
    meta: Mapping[str, list[str]]
    pixels: np.ndarray

    def text(self, name: str) -> str:
        """First value of a name, empty where there is none."""
        return next(iter(self.meta.get(name, [])), "")

    def number(self, name: str) -> float:
        """First value of a name."""
        return float(self.meta[name][0])


@dataclass
class Heard:
    """All that a server said."""

    images: list[Received] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def fire_client(
    address: tuple[str, int],
    scan: Iterable[Message],
    *,
    config: str,
    parameters: Mapping[str, object] | None = None,
) -> Heard:
    """A host with FIRE: a bare name, header and JSON that end with a NUL, then data."""

    def bytes_of_scan() -> Iterator[bytes]:
        yield struct.pack("<H1024s", 1, config.encode())
        header, *data = scan
        assert isinstance(header, Header)
        yield _counted(3, header.xml.rstrip(b"\0") + b"\0")
        if parameters is not None:
            text = json.dumps({"version": "1.1.0", "parameters": dict(parameters)})
            yield _counted(5, text.encode() + b"\0")
        yield from _data(data)
        yield struct.pack("<H", 4)

    return _talk(address, bytes_of_scan())


def gadgetron_client(
    address: tuple[str, int], scan: Iterable[Message], *, config: str, text: bytes | None = None
) -> Heard:
    """Gadgetron's client: a file's name, or with ``-C`` the file; texts end with their length."""

    def bytes_of_scan() -> Iterator[bytes]:
        named = struct.pack("<H1024s", 1, config.encode())
        yield named if text is None else _counted(2, text)
        header, *data = scan
        assert isinstance(header, Header)
        yield _counted(3, header.xml.rstrip(b"\0"))
        yield from _data(data)
        yield struct.pack("<H", 4)

    return _talk(address, bytes_of_scan())


def _counted(number: int, text: bytes) -> bytes:
    return struct.pack("<HI", number, len(text)) + text


def _data(messages: Iterable[Message]) -> Iterator[bytes]:
    """One line, one message."""
    for message in messages:
        match message:
            case Acquisitions(head, data):
                for one, samples in zip(head, data, strict=True):
                    line = np.ascontiguousarray(samples, "<c8").tobytes()
                    yield struct.pack("<H", 1008) + one.tobytes() + line
            case Image(header, data, meta):
                yield struct.pack("<H", 1022) + header.tobytes() + _meta_bytes(meta)
                yield np.ascontiguousarray(data).tobytes()


def _meta_bytes(meta: Mapping[str, Iterable[str]]) -> bytes:
    root = ElementTree.Element("ismrmrdMeta")
    for name, values in meta.items():
        entry = ElementTree.SubElement(root, "meta")
        ElementTree.SubElement(entry, "name").text = name
        for value in values:
            ElementTree.SubElement(entry, "value").text = value
    xml = ElementTree.tostring(root)
    return struct.pack("<Q", len(xml)) + xml


def _talk(address: tuple[str, int], said: Iterator[bytes]) -> Heard:
    """Send and receive at once, as both clients do."""
    with (
        socket.create_connection(address, timeout=PATIENCE_S) as peer,
        ThreadPoolExecutor(1) as pool,
    ):
        sending = pool.submit(_say, peer, said)
        heard = _hear(peer)
        sending.result(PATIENCE_S)
    return heard


def _say(peer: socket.socket, said: Iterator[bytes]) -> None:
    for piece in said:
        peer.sendall(piece)


def _hear(peer: socket.socket) -> Heard:
    heard, series = Heard(), dict[int, tuple[object, ...]]()
    while True:
        (number,) = struct.unpack("<H", _exactly(peer, 2))
        match number:
            case 4:
                return heard
            case 5:
                (length,) = struct.unpack("<I", _exactly(peer, 4))
                heard.texts.append(_exactly(peer, length).rstrip(b"\0").decode())
            case 1022:
                image = _image(peer)
                store(series, image)
                heard.images.append(image)
            case _:
                raise ClientDied(f"message {number} is unknown to the client")


def store(series: dict[int, tuple[object, ...]], image: Received) -> None:
    """Put an image into the array of its series, which has one shape and one type."""
    form = (image.pixels.shape, image.pixels.dtype.str)
    if series.setdefault(image.header.image_series_index, form) != form:
        raise ClientDied(f"series {image.header.image_series_index}: {form} behind another form")


def _image(peer: socket.socket) -> Received:
    size = ctypes.sizeof(ismrmrd.ImageHeader)
    header = ismrmrd.ImageHeader.from_buffer_copy(_exactly(peer, size))
    (length,) = struct.unpack("<Q", _exactly(peer, 8))
    xml = _exactly(peer, length).split(b"\0", 1)[0].decode()
    if header.data_type not in _PIXELS:
        raise ClientDied(f"pixels of type {header.data_type}")
    dtype = np.dtype(_PIXELS[header.data_type])
    x, y, z = header.matrix_size
    count = header.channels * x * y * z
    pixels = np.frombuffer(_exactly(peer, count * dtype.itemsize), dtype)
    return Received(header, _meta(xml), pixels.reshape(header.channels, z, y, x))


def _meta(xml: str) -> dict[str, list[str]]:
    entries = ElementTree.fromstring(xml).iter("meta") if xml else ()
    return {
        entry.findtext("name", ""): [value.text or "" for value in entry.iter("value")]
        for entry in entries
    }


def _exactly(peer: socket.socket, count: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < count:
        piece = peer.recv(min(count - len(pieces), 1 << 20))
        if not piece:
            raise ClientDied("the server left without CLOSE")
        pieces += piece
    return bytes(pieces)
