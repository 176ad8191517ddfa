"""Plain streams: header first, data, CLOSE; over files and pipes."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import ismrmrd
import numpy as np
import pytest
from mrd_headers import header_of
from wire_samples import assert_same, image, lines, with_data_written

from streamrecon.errors import ProtocolError, TruncatedStream
from streamrecon.mrd.files.plain_stream import read_stream, write_stream
from streamrecon.mrd.wire.messages import Acquisitions, Close, ConfigFile, Header

SCAN = (Header(header_of()), lines(3), lines(2, 3, 9, seed=1), Close())


def test_a_stream_is_read_as_it_was_written(tmp_path: Path) -> None:
    with (tmp_path / "scan.mrd").open("wb") as file:
        write_stream(SCAN, file)

    with (tmp_path / "scan.mrd").open("rb") as file:
        found = list(read_stream(file))

    assert_same(tuple(found), SCAN)


def test_bytes_behind_close_are_left_alone() -> None:
    target = io.BytesIO()
    write_stream(SCAN, target)

    found = list(read_stream(io.BytesIO(target.getvalue() + b"something else")))

    assert found[-1] == Close()


@pytest.mark.parametrize(
    ("messages", "told"),
    [(SCAN[:2], "ended without CLOSE"), ((), "ended without CLOSE")],
    ids=["data", "nothing"],
)
def test_a_stream_without_close_is_truncated(
    messages: tuple[Header | Acquisitions, ...], told: str
) -> None:
    target = io.BytesIO()
    write_stream(messages, target)
    target.seek(0)

    with pytest.raises(TruncatedStream, match=told):
        list(read_stream(target))


@pytest.mark.parametrize("first", [ConfigFile("a.xml"), lines(1)], ids=["config", "data"])
def test_a_stream_that_does_not_begin_with_the_header_is_refused(
    first: ConfigFile | Acquisitions,
) -> None:
    target = io.BytesIO()
    write_stream((first, *SCAN), target)
    target.seek(0)

    with pytest.raises(ProtocolError):
        list(read_stream(target))


@pytest.mark.parametrize("buffering", [-1, 0], ids=["buffered", "raw"])
def test_a_pipes_reader_works_on_what_is_there(buffering: int) -> None:
    """The second line is sent only when the first has been read: waiting for more would hang."""
    reader, writer = os.pipe()
    got_first = threading.Event()
    seen = []

    def send() -> None:
        with os.fdopen(writer, "wb") as file:
            write_stream(SCAN[:2], file)
            if got_first.wait(20):
                write_stream(SCAN[2:], file)

    sender = threading.Thread(target=send)
    sender.start()
    source: Any = os.fdopen(reader, "rb", buffering=buffering)
    with source as file:
        for message in read_stream(file):
            seen.append(message)
            if isinstance(message, Acquisitions):
                got_first.set()
    sender.join()

    assert sum(len(m) for m in seen if isinstance(m, Acquisitions)) == 5


def test_the_reference_packages_stream_is_read() -> None:
    target = io.BytesIO()
    serializer = ismrmrd.ProtocolSerializer(target)
    data = np.ones((2, 9), np.complex64)
    serializer.serialize(ismrmrd.xsd.CreateFromDocument(plain_header()))
    serializer.serialize(ismrmrd.Acquisition.from_array(data))
    serializer.serialize(ismrmrd.Acquisition.from_array(2 * data))
    serializer.close()

    header, run, close = read_stream(io.BytesIO(target.getvalue()))

    assert isinstance(header, Header)
    assert b"ismrmrdHeader" in header.xml
    assert isinstance(run, Acquisitions)
    assert np.array_equal(run.data, [data, 2 * data])
    assert close == Close()


def test_the_reference_package_reads_our_stream() -> None:
    picture = image(5, (1, 1, 3, 4), {"a": ("b",)})
    target = io.BytesIO()
    write_stream((Header(plain_header()), lines(2), picture, Close()), target)
    target.seek(0)

    found = list(ismrmrd.ProtocolDeserializer(target).deserialize())

    assert type(found[0]).__name__ == "ismrmrdHeader"
    assert np.array_equal(found[2].data, lines(2).data[1])
    assert np.array_equal(found[3].data, picture.data)
    assert_same(picture, with_data_written(picture, picture))


def plain_header() -> bytes:
    """What the reference package, which knows one spelling, can read."""
    return header_of(trajectory="<trajectory>cartesian</trajectory>")
