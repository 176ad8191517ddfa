"""Every row of the table of errors, and what a client that is still sending hears of it."""

import struct

import pytest
from narrowing import as_a
from toy_client import HEADER, Service, chain, gadget, lines

from streamrecon.errors import ConfigError, DataError, DeliveryError, StreamReconError
from streamrecon.mrd.wire.messages import Close, ConfigText, Dependency, Image, Text
from streamrecon.server.sessions.error_report import (
    BusyError,
    OverdueError,
    WorkerLostError,
    answer,
)

FAULT = "Fail: found 3, needed 4"


@pytest.mark.parametrize(
    ("error", "at", "told"),
    [
        ("ProtocolError", "line", f"ERR [protocol] {FAULT}"),
        ("TruncatedStream", "line", f"ERR [truncated] {FAULT}"),
        ("ConfigError", "header", f"ERR [config] {FAULT}"),
        ("HeaderError", "header", f"ERR [header] {FAULT}"),
        ("DataError", "line", f"ERR [data] {FAULT}"),
        ("ReconError", "finish", f"ERR [recon] {FAULT}"),
        ("DeliveryError", "finish", f"WRN [delivery] {FAULT}"),
    ],
)
def test_each_kind_of_error_is_one_text_then_close(
    toys: Service, error: str, at: str, told: str
) -> None:
    heard = toys.talk(chain(gadget("Fail", error=error, at=at)), HEADER, lines(3), Close())

    assert heard == [Text(told), Close()]


@pytest.mark.parametrize("error", ["ValueError", "StreamReconError"])
def test_a_bug_tells_the_session_and_nothing_of_itself(toys: Service, error: str) -> None:
    heard = toys.talk(chain(gadget("Fail", error=error)), HEADER, lines(3), Close())

    assert as_a(Text, heard[0]).text.startswith("ERR [internal] session ")
    assert "found 3" not in as_a(Text, heard[0]).text
    assert heard[1:] == [Close()]


def test_what_was_made_before_an_error_comes_before_it_and_nothing_after(toys: Service) -> None:
    heard = toys.talk(
        chain(gadget("Burst", images=3, image_mib=1), gadget("Fail", at="finish")),
        HEADER,
        lines(1),
        Close(),
    )

    assert [type(m) for m in heard] == [Image, Image, Image, Text, Close]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"\x55\x55", "ERR [protocol] message id: found 21845"),
        (b"\2\0\xff\xff\xff\xff", "ERR [protocol]"),
        (b"\3\0\4\0\0\0abcd", "ERR [protocol] found the MRD header before a config"),
        (b"\6\0" + struct.pack("<QQQ", 0, 0, 2**63), "ERR [protocol]"),
        (b"\2\0\x09\0\0\0<configu", "ERR [truncated]"),
        (b"\2\0\x09\0\0\0<configur", "ERR [config] line 1"),
        (b"\1\0toy_sum", "ERR [truncated]"),
        (b"\1", "ERR [truncated]"),
        (b"\1\0" + b"toy_sum".ljust(1024, b"\0"), "ERR [truncated] the stream ended at byte 1026"),
        (2 * (b"\1\0" + b"toy_sum".ljust(1024, b"\0")), "ERR [protocol] found a second config"),
    ],
)
def test_broken_grammar_has_one_answer(toys: Service, sent: bytes, told: str) -> None:
    with toys.connect() as client:
        client.socket.sendall(sent)
        client.socket.shutdown(1)
        heard = client.hear_all()

    assert as_a(Text, heard[0]).text.startswith(told)
    assert heard[1:] == [Close()]


def test_a_second_header_is_refused(toys: Service) -> None:
    heard = toys.talk(chain(gadget("SumLines")), HEADER, lines(1), HEADER, lines(1), Close())

    assert heard == [
        Text("ERR [protocol] found a second MRD header, needed only one"),
        Close(),
    ]


def test_an_oversized_line_is_refused_before_it_is_waited_for(toys: Service) -> None:
    with toys.connect() as client:
        client.send(chain(gadget("SumLines")), HEADER)
        head = bytearray(340)
        struct.pack_into("<HHH", head, 34, 65535, 65535, 65535)
        client.socket.sendall(b"\xf0\x03" + head)
        heard = client.hear_all()

    assert as_a(Text, heard[0]).text.startswith("ERR [protocol]")


def test_a_client_that_only_sends_hears_an_early_error_afterwards(toys: Service) -> None:
    batch = lines(2000, channels=8, samples=512)  # 66 MB each, far beyond all buffers
    with toys.connect() as client:
        client.send(chain(gadget("Fail", at="header", error="HeaderError")), HEADER)
        for _ in range(4):
            client.send(batch)
        client.send(Close())
        heard = client.hear_all()

    assert heard == [Text(f"ERR [header] {FAULT}"), Close()]


def test_an_unknown_gadget_is_told_before_the_header_is_sent(toys: Service) -> None:
    with toys.connect() as client:
        client.send(chain(gadget("SumLine")))
        heard = client.hear_all()

    assert "did you mean SumLines?" in as_a(Text, heard[0]).text
    assert heard[1:] == [Close()]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigError("x: y"), "ERR [config] x: y"),
        (BusyError("full"), "ERR [busy] full"),
        (OverdueError("late"), "ERR [timeout] late"),
        (DeliveryError("0xA700"), "WRN [delivery] 0xA700"),
        (DataError("line " * 10_000), "ERR [data] " + ("line " * 10_000)[:1989]),
    ],
)
def test_the_text_is_the_code_and_the_message(error: StreamReconError, text: str) -> None:
    assert answer(error, "4f2a") == (Text(text), Close())


@pytest.mark.parametrize("error", [ValueError(), WorkerLostError("killed"), KeyError("name")])
def test_an_internal_error_names_the_session_only(error: Exception) -> None:
    (said, close) = answer(error, "4f2a")

    text = as_a(Text, said).text
    assert text.startswith("ERR [internal] session 4f2a: ")
    assert "killed" not in text
    assert "name" not in text
    assert close == Close()


def test_a_noise_query_hears_a_failed_dependency_whatever_happened() -> None:
    last = answer(ConfigError("x"), "4f2a", dependency_query=True)

    assert last == (Dependency({"status": ("failed",)}), Close())


def test_a_config_text_without_end_is_refused_with_its_line(toys: Service) -> None:
    heard = toys.talk(ConfigText("<configuration>\n<version>2</version>\n<stream>"))

    assert as_a(Text, heard[0]).text.startswith("ERR [config] line 3")
