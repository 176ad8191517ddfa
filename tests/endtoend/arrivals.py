"""One scan as it may arrive: its bytes in pieces of any size, now and then a pause; what leaves."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from streamrecon_gadgets import REGISTRY
from typing_extensions import Buffer

from streamrecon.model.notice import Notice
from streamrecon.mrd.files.plain_stream import read_stream
from streamrecon.mrd.images.meta import write_meta
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.messages import Close, DicomFile, Image, Message
from streamrecon.mrd.wire.writer import encode
from streamrecon.replay import run_scan
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

_NOWHERE = '[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = 1\ncalled = "X"\n'
_OF_THE_MACHINE = "INF memory: "  # what a scan needs of it, by its processors
_OF_THE_RUN = ("UID", "Date", "Time")  # parts of DICOM keywords whose values are the run's own


class Heard:
    """Takes the place of the person who watches: keeps what was said."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def say(self, notice: Notice) -> None:
        self.notices.append(notice)

    def sent(self, lines: int, size: int) -> None: ...

    def received(self, images: int = 1) -> None: ...


class Pieces(io.RawIOBase):
    """Bytes that are read in pieces of given sizes, with a pause [s] before each."""

    def __init__(self, data: bytes, pieces: Iterable[tuple[int, float]]) -> None:
        self._data, self._at, self._pieces = data, 0, iter(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        space = memoryview(buffer)
        size, pause_s = next(self._pieces, (len(self._data), 0.0))
        if pause_s:
            time.sleep(pause_s)
        piece = self._data[self._at : self._at + min(size, len(space))]
        space[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def stream_of(scan: Iterable[Message]) -> bytes:
    """The bytes of a scan, header first and CLOSE last, line by line."""
    return b"".join(
        bytes(part) for each in (*scan, Close()) for part in encode(each, Dialect.GADGETRON)
    )


def everything_at_once() -> Iterator[tuple[int, float]]:
    """As much as the reader has room for."""
    return iter(())


def at_random(seed: int) -> Iterator[tuple[int, float]]:
    """Pieces from a byte to megabytes, a few pauses among them."""
    random = np.random.default_rng(seed)
    usual = 10 ** random.uniform(2, 5.5)
    pauses = 12
    while True:
        size = int(min(4 << 20, max(1, random.lognormal(np.log(usual), 1.5))))
        pause_s = random.choice([0.0, 0.001, 0.03], p=[0.9, 0.07, 0.03]) if pauses else 0.0
        pauses -= pause_s > 0
        yield size, pause_s


@dataclass(frozen=True)
class Left:
    """What left: a fingerprint of each image and file, and what was said.

    Sorted, for between branches there is no order.
    """

    images: list[str]
    notices: list[str]


def arrived(data: bytes, pieces: Iterable[tuple[int, float]], chain: bytes, folder: Path) -> Left:
    """What leaves when these bytes come in these pieces; the spool is in the folder."""
    folder.mkdir()
    (folder / "destinations.toml").write_text(_NOWHERE)
    results: list[Image | DicomFile] = []
    heard = Heard()
    scan = (m for m in read_stream(Pieces(data, pieces)) if not isinstance(m, Close))
    built = build_chain(chain, REGISTRY, Context(storage=folder))
    run_scan(scan, built, give=results.append, watch=heard)
    return left(results, heard.notices, folder)


def left(results: Iterable[Image | DicomFile], notices: Iterable[Notice], folder: Path) -> Left:
    """Of results, and of DICOM files in a folder."""
    images = [_of_image(each) for each in results if isinstance(each, Image)]
    images += [_of_file(each.data) for each in results if isinstance(each, DicomFile)]
    images += [_of_file(path.read_bytes()) for path in folder.rglob("*.dcm")]
    told = [text for text in map(str, notices) if not text.startswith(_OF_THE_MACHINE)]
    return Left(sorted(images), sorted(told))


def _of_image(image: Image) -> str:
    names = ("image_series_index", "contrast", "repetition", "slice", "image_index")
    where = " ".join(f"{name} {image.header[name]}" for name in names)
    header = image.header.copy()
    header["attribute_string_len"] = 0  # who writes the image knows it
    return f"{where} {_hash(header.tobytes(), write_meta(image.meta), image.data.tobytes())}"


def _of_file(data: bytes) -> str:
    dataset = pydicom.dcmread(io.BytesIO(data))
    for element in list(dataset):
        if any(word in element.keyword for word in _OF_THE_RUN) or element.VR in ("UI", "SQ"):
            del dataset[element.tag]
    number = dataset.get("SeriesNumber")
    return f"DICOM series {number} {_hash(dataset.to_json().encode())}"


def _hash(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]
