"""Bytes in, messages out: any cut, any truncation, any length that lies."""

from __future__ import annotations

import errno
import gc
import struct
import weakref
from contextlib import suppress

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from narrowing import all_of
from wire_samples import (
    EVERYTHING,
    assert_same,
    bytes_of,
    image,
    lines,
    unjoined,
    with_data_written,
)

from streamrecon.errors import ProtocolError, TruncatedStream
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Acquisitions, Close, Limits, Message, Text
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.receive_buffers import BLOCK_BYTES

STREAM = bytes_of(*EVERYTHING.values())
WANTED = unjoined(MrdParser().receive(STREAM))


@given(st.lists(st.integers(0, len(STREAM)), max_size=9).map(sorted))
@settings(max_examples=60, deadline=None)
def test_any_cut_gives_the_same_messages(cuts: list[int]) -> None:
    parser = MrdParser()

    found = []
    for start, stop in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        found += parser.receive(STREAM[start:stop])
    parser.end()

    assert_same(tuple(unjoined(found)), tuple(WANTED))


def test_byte_by_byte_gives_the_same_messages() -> None:
    parser = MrdParser()

    found = [message for i in range(len(STREAM)) for message in parser.receive(STREAM[i : i + 1])]

    assert_same(tuple(unjoined(found)), tuple(WANTED))


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("name", EVERYTHING)
def test_what_is_written_is_read_back(name: str, dialect: Dialect) -> None:
    message = EVERYTHING[name]

    (found,) = MrdParser().receive(bytes_of(message, dialect=dialect))

    assert_same(found, with_data_written(message, found))


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_truncation_says_where_it_stopped(name: str) -> None:
    data = bytes_of(EVERYTHING[name])
    alone = {len(bytes_of(part)) for part in unjoined([EVERYTHING[name]])}
    whole = {0} | {n for size in alone for n in range(size, len(data), size)}
    # Within samples, where the bulk of the bytes is, every 13th offset stands for its neighbours.
    stops = [n for n in range(len(data)) if n < 2500 or n % 13 == 0]

    for stop in stops:
        parser = MrdParser()
        parser.receive(data[:stop])
        if stop in whole and len(alone) == 1:
            parser.end()
            continue
        with pytest.raises(TruncatedStream, match=f"ended at byte {stop}, needed at least"):
            parser.end()


def test_truncation_tells_how_many_bytes_of_which_message() -> None:
    parser = MrdParser()
    parser.receive(bytes_of(lines(1, 2, 5))[:400])

    with pytest.raises(TruncatedStream) as told:
        parser.end()

    assert "ACQUISITION (1008): found 400 bytes" in str(told.value)
    assert "needed at least 422" in str(told.value)  # 2 + 340 + 2 · 5 · 8


@pytest.mark.parametrize("number", [0, 9, 999, 1000, 1007, 1009, 1020, 1030, 1051, 65535])
def test_an_unknown_id_is_named_with_its_place(number: int) -> None:
    parser = MrdParser()

    with pytest.raises(ProtocolError, match=f"message id: found {number} at byte 0"):
        parser.receive(struct.pack("<H", number))


def test_messages_before_a_fault_come_out_and_then_the_fault_for_ever() -> None:
    parser = MrdParser()

    found = parser.receive(bytes_of(Text("hi")) + b"\xff\xff")

    assert found == [Text("hi")]
    for call in (parser.space, parser.end, lambda: parser.commit(0), lambda: parser.receive(b"")):
        with pytest.raises(ProtocolError, match="found 65535 at byte 9"):
            call()


HUGE = 2**63 - 1
LYING = {
    "config text": b"\x02\x00" + struct.pack("<I", 2**32 - 1),
    "header": b"\x03\x00" + struct.pack("<I", 2**32 - 1),
    "text": b"\x05\x00" + struct.pack("<I", 2**32 - 1),
    "query": b"\x06\x00" + struct.pack("<QQQ", 0, 0, HUGE),
    "response": b"\x07\x00" + struct.pack("<QQ", 0, HUGE),
    "error": b"\x08\x00" + struct.pack("<Q", HUGE),
    "dicom": struct.pack("<HI", 1018, 2**32 - 1),
    "dicom name": struct.pack("<HIQ", 1018, 0, HUGE),
    "dicom meta": struct.pack("<HIQQ", 1018, 0, 0, HUGE),
    "dependency": struct.pack("<HQ", 1019, HUGE),
    "image meta": bytes_of(image())[:200] + struct.pack("<Q", HUGE),
    "recon data bits": struct.pack("<HQ", 1023, HUGE),
    "recon data axes": struct.pack("<HQQ", 1023, 1, HUGE),
    "recon data sizes": struct.pack("<HQQ7Q", 1023, 1, 7, *(2**20,) * 7),
    "image array axes": struct.pack("<HQ", 1024, 17),
    "image array sizes": struct.pack("<HQQ", 1024, 1, HUGE),
    "bucket lines": struct.pack("<H13Q", 1050, HUGE, *(0,) * 12),
    "bucket statistics": struct.pack("<H13QQ", 1050, *(0,) * 13, HUGE),
    "bucket counters": struct.pack("<H13QQQ", 1050, *(0,) * 13, 1, HUGE),
}


@pytest.mark.parametrize("name", LYING)
def test_a_length_beyond_its_limit_is_refused_before_its_bytes_come(name: str) -> None:
    parser = MrdParser()

    with pytest.raises(ProtocolError, match=r"needed at most \d+"):
        parser.receive(LYING[name])
    with pytest.raises(ProtocolError, match=r"needed at most \d+"):
        parser.space()


def lying_head(message: Message, dtype_offset: dict[int, int]) -> bytes:
    data = bytearray(bytes_of(message))
    for offset, value in dtype_offset.items():
        struct.pack_into("<H", data, 2 + offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (lying_head(lines(1), {38: 1025}), "line: channels: found 1025"),
        (lying_head(lines(1), {34: 65535, 38: 1024}), "line: bytes: found 536"),
        (lying_head(lines(1), {34: 65535, 176: 65535}), "line: bytes: found"),
        (lying_head(image(), {16: 65535, 18: 65535, 20: 65535}), "image: bytes: found"),
        (lying_head(image(), {2: 9}), "image: found data type 9, needed 1 to 8"),
        (lying_head(EVERYTHING["waveform"], {28: 65535, 30: 65535}), "waveform: bytes: found"),
    ],
    ids=["channels", "line", "trajectory", "image", "type", "waveform"],
)
def test_a_header_that_claims_too_much_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(ProtocolError, match=told):
        MrdParser().receive(data)


def test_an_empty_array_with_endless_axes_is_refused() -> None:
    data = struct.pack("<HQQ3Q", 1023, 1, 3, 0, 2**40, 2**40)

    with pytest.raises(ProtocolError, match="recon buffer data: bytes: found"):
        MrdParser().receive(data)


def test_what_is_claimed_takes_memory_only_as_it_comes() -> None:
    image = np.zeros(1, IMAGE)
    image["matrix_size"], image["channels"], image["data_type"] = (8192, 8192, 4), 1, 5
    claims_1_gib = struct.pack("<H", 1022) + image.tobytes() + struct.pack("<Q", 0) + bytes(3000)
    parser = MrdParser()
    before = psutil.Process().memory_info().rss

    assert parser.receive(claims_1_gib) == []
    space = parser.space()
    grown = psutil.Process().memory_info().rss - before

    assert len(space) > 1 << 30
    assert grown < 16 << 20  # some blocks; not the gibibyte


def test_a_field_that_does_not_fit_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: int) -> bytearray:
        raise OSError(errno.ENOMEM, "no memory")

    parser = MrdParser()
    parser.receive(struct.pack("<HI", 3, 10_000_000))
    monkeypatch.setattr("streamrecon.mrd.wire.receive_buffers.mmap.mmap", no_memory)

    for _ in range(2):
        with pytest.raises(ProtocolError, match="found a field of 10000000 bytes"):
            parser.space()


@given(
    st.sampled_from([n for n in EVERYTHING if n != "long lines"]),
    st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=8)), max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_damaged_bytes_give_messages_or_a_protocol_error(
    name: str, damages: list[tuple[int, bytes]]
) -> None:
    data = bytearray(bytes_of(EVERYTHING[name]))
    for offset, damage in damages:
        at = offset % len(data)
        data[at : at + len(damage)] = damage
    parser = MrdParser(Limits(array_bytes=1 << 24, image_bytes=1 << 24, dicom_bytes=1 << 24))

    try:
        found = parser.receive(bytes(data))
        parser.end()
    except ProtocolError as e:
        assert "found" in str(e) or "not " in str(e)
    else:
        assert found


def test_a_session_that_never_ends_is_refused() -> None:
    parser = MrdParser(Limits(session_bytes=100))
    parser.receive(bytes_of(Text("x" * 50)))

    with pytest.raises(ProtocolError, match="stream: bytes: found 114, needed at most 100"):
        parser.receive(bytes_of(Text("x" * 50)))


@pytest.mark.parametrize("damage", [b"", b"\xff\xff"])
@pytest.mark.parametrize("name", EVERYTHING)
def test_a_parser_that_failed_is_gone_with_its_last_user(name: str, damage: bytes) -> None:
    parser = MrdParser()
    gone = weakref.ref(parser)

    gc.disable()  # in a large process it runs seldom, and each parser has blocks of 4 MiB
    try:
        for _ in range(2):  # the first call fails, later ones say the same
            with suppress(ProtocolError):
                parser.receive(bytes_of(EVERYTHING[name])[:-1] + damage)
                parser.end()
        del parser
        assert gone() is None
    finally:
        gc.enable()


def test_lines_are_views_and_a_block_is_never_written_again() -> None:
    run = lines(200, 4, 500)
    data, parser = bytes_of(run), MrdParser()

    # 9.8 MB, several blocks
    found = all_of(Acquisitions, (part for _ in range(3) for part in parser.receive(data)))

    assert len(data) * 3 > 2 * BLOCK_BYTES
    assert all(part.data.base is not None for part in found)
    assert np.array_equal(
        np.concatenate([part.data for part in found]), np.concatenate([run.data] * 3)
    )


def test_a_block_serves_again_when_nobody_looks_at_it() -> None:
    data, blocks = bytes_of(lines(10, 4, 500)), set()

    parser = MrdParser()
    for _ in range(100):  # 16 MB
        blocks.add(id(parser.space().obj))
        parser.receive(data)

    assert len(blocks) <= 3


def test_neighbours_of_one_shape_come_as_one_run() -> None:
    stream = bytes_of(lines(5), lines(2, 3, 9), lines(4), Close())

    found = MrdParser().receive(stream)

    assert [len(part) if isinstance(part, Acquisitions) else part for part in found] == [
        5, 2, 4, Close(),
    ]  # fmt: skip


def test_a_message_longer_than_a_block_comes_whole() -> None:
    message = image(7, (2, 1, 900, 700))  # 10 MB
    parser = MrdParser()

    (found,) = parser.receive(bytes_of(message))

    assert_same(found, with_data_written(message, found))


def test_lines_without_samples_do_not_stop_the_stream() -> None:
    found = MrdParser().receive(bytes_of(lines(3, 2, 0), lines(2, 0, 4), Close()))

    assert [type(m) for m in found] == [Acquisitions, Acquisitions, Close]
    assert [run.data.shape for run in all_of(Acquisitions, found[:2])] == [(3, 2, 0), (2, 0, 4)]


def test_space_is_never_empty_whatever_is_read_into_it() -> None:
    parser, stream, found = MrdParser(), STREAM * 200, []

    while stream:
        space = parser.space()
        n = min(len(space), 70_001, len(stream))
        space[:n] = stream[:n]
        stream = stream[n:]
        found += parser.commit(n)

    assert len(unjoined(found)) == 200 * len(WANTED)


def test_text_is_cut_at_the_first_nul_and_need_not_be_utf8() -> None:
    text = struct.pack("<HI", 5, 6) + b"a\xffb\0cd"

    assert MrdParser().receive(text) == [Text("a\ufffdb")]


@pytest.mark.parametrize(
    "message",
    [
        struct.pack("<H", 1) + b"\xff".ljust(1024, b"\0"),
        struct.pack("<HI", 2, 1) + b"\xff",
        struct.pack("<HQQQ", 6, 0, 0, 1) + b"\xff",
    ],
    ids=["config name", "config", "query"],
)
def test_what_is_not_utf8_is_refused_where_it_steers(message: bytes) -> None:
    with pytest.raises(ProtocolError, match="not UTF-8 at byte 0"):
        MrdParser().receive(message)


def test_a_query_with_a_reserved_number_is_refused() -> None:
    with pytest.raises(ProtocolError, match="found 5 in the reserved field"):
        MrdParser().receive(struct.pack("<HQ", 6, 5))


def test_a_flag_byte_that_is_neither_is_refused() -> None:
    empty = struct.pack("<Q", 0)

    with pytest.raises(ProtocolError, match="trajectory: found flag 2"):
        MrdParser().receive(struct.pack("<HQ", 1023, 1) + empty + b"\x02")
