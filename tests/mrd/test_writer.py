"""What leaves: the form of each dialect, what is not sent, and lines without a copy."""

from __future__ import annotations

import numpy as np
import pytest
from wire_samples import bytes_of, lines

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.messages import Acquisitions, ConfigFile, Header
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode


def test_the_nul_dialect_writes_the_nul_and_counts_it() -> None:
    assert bytes_of(Header(b"<a/>"), dialect=Dialect.FIRE) == b"\x03\0\x05\0\0\0<a/>\0"
    assert bytes_of(Header(b"<a/>")) == b"\x03\0\x04\0\0\0<a/>"


def test_a_name_that_does_not_fit_is_not_sent() -> None:
    encode(ConfigFile("x" * 1023))

    with pytest.raises(ProtocolError, match="found 1024 bytes"):
        encode(ConfigFile("x" * 1024))


def test_headers_that_contradict_the_samples_are_not_sent() -> None:
    good = lines(2)
    bad = Acquisitions(good.header, good.data[:, :, :-1], good.trajectory[:, :-1])

    with pytest.raises(ProtocolError, match="contradict"):
        encode(bad)


@pytest.mark.parametrize("samples", [9, 600], ids=["short", "long"])
def test_lines_leave_as_they_came_in_whatever_order_they_are_picked(samples: int) -> None:
    sent = lines(5, 4, samples, 2)
    (received,) = MrdParser().receive(bytes_of(sent))
    assert isinstance(received, Acquisitions)
    picks: list[slice | np.ndarray] = [
        slice(None),
        slice(None, None, -1),
        slice(1, 3),
        slice(None, None, 2),
        np.array([3, 0]),
    ]

    for pick in picks:
        assert bytes_of(received.select(pick)) == bytes_of(sent.select(pick))
    assert len(encode(received)) == 1
    mixed = Acquisitions(received.header, received.data[::-1], received.trajectory)
    wanted = Acquisitions(sent.header, sent.data[::-1], sent.trajectory)
    assert bytes_of(mixed) == bytes_of(wanted)


def test_long_lines_leave_without_a_copy() -> None:
    run = lines(2, 16, 512)

    pieces = encode(run)

    samples = [p for p in pieces if isinstance(p, memoryview) and len(p) == 16 * 512 * 8]
    assert len(samples) == 2
    assert all(np.shares_memory(np.frombuffer(p, np.uint8), run.data) for p in samples)
