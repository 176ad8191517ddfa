"""The client against a server that ends in every way a server can end."""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Callable, Iterator
from threading import Event

import numpy as np
import pytest
from scripted_server import CLOSE, ScriptedServer, hear_all, text

from streamrecon.client import Reply, Request, Server, send
from streamrecon.console import Watch
from streamrecon.errors import ConfigError, DeliveryError, ProtocolError, TruncatedStream
from streamrecon.model.notice import Level
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    ConfigFile,
    ConfigText,
    Header,
    Image,
    Message,
)
from streamrecon.mrd.wire.writer import encode

_NAMED = Request(ConfigFile("gre"))
_XML = b"<ismrmrdHeader/>"


def lines(n: int, *, channels: int = 2, samples: int = 16) -> Acquisitions:
    head = np.zeros(n, ACQUISITION)
    head["number_of_samples"], head["active_channels"] = samples, channels
    head["scan_counter"] = np.arange(n)
    data = np.arange(n * channels * samples, dtype=np.float32).reshape(n, channels, samples)
    return Acquisitions(head, data.astype(np.complex64), np.zeros((n, samples, 0), np.float32))


def long_scan(times: int) -> list[Message]:
    """A header, and so many times 8 MB of lines."""
    return [Header(_XML), *[lines(64, channels=32, samples=512)] * times]


def image_bytes() -> bytes:
    head = np.zeros(1, IMAGE)[0]
    head["version"] = 1
    return b"".join(encode(Image(head, np.full((1, 2, 3, 4), 7, np.float32))))


def quiet() -> Watch:
    return Watch(live=False, stream=io.StringIO())


Script = Callable[[socket.socket], bytes]


def talk(script: Script, scan: list[Message], request: Request = _NAMED) -> tuple[Reply, bytes]:
    with ScriptedServer(script) as server:
        reply = send(scan, server.address, request, quiet())
        return reply, server.heard


def answers(words: bytes) -> Script:
    """Listen to the end, answer, hang up."""

    def script(peer: socket.socket) -> bytes:
        heard = hear_all(peer)
        peer.sendall(words)
        return heard

    return script


def test_close_alone_is_success_with_the_images_before_it() -> None:
    reply, _ = talk(answers(image_bytes() + image_bytes() + CLOSE), [Header(_XML), lines(3)])

    assert reply.complete
    assert [image.data.shape for image in reply.images] == [(1, 2, 3, 4)] * 2
    assert (reply.images[1].data == 7).all()


@pytest.mark.parametrize(
    "words",
    [
        "ERR [data] 3 lines are missing",
        "ERROR   Traceback (most recent call last)",
        "[Connection Main Thread/Gadget] ERROR: no data",
    ],
    ids=["streamrecon", "fire", "gadgetron"],
)
def test_an_error_text_is_no_success_though_close_follows(words: str) -> None:
    reply, _ = talk(answers(image_bytes() + text(words) + CLOSE), [Header(_XML)])

    assert not reply.complete
    assert len(reply.images) == 1
    assert [notice.level for notice in reply.notices] == [Level.ERROR]


def test_a_warning_is_success() -> None:
    reply, _ = talk(answers(text("WRN sign assumed") + CLOSE), [Header(_XML)])

    assert reply.complete
    assert [str(notice) for notice in reply.notices] == ["WRN sign assumed"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (b"", r"went away without CLOSE \(images: 0, texts: 0\)$"),
        (text("INF begun"), r"went away without CLOSE \(images: 0, texts: 1\)$"),
        (image_bytes()[:-1], r"^message IMAGE \(1022\): found 303 bytes"),
    ],
    ids=["at once", "after a text", "within an image"],
)
def test_a_server_that_vanishes_is_told_so(words: bytes, found: str) -> None:
    with pytest.raises(TruncatedStream, match=found):
        talk(answers(words), [Header(_XML), lines(3)])


def test_an_early_error_ends_the_sending_of_a_long_scan() -> None:
    def script(peer: socket.socket) -> bytes:
        peer.sendall(text("ERR [config] gre: unknown") + CLOSE)
        peer.shutdown(socket.SHUT_WR)
        taken = 0
        while piece := peer.recv(1 << 20):
            taken += len(piece)
        return b"x" * (taken >> 20)

    scan = long_scan(200)  # 1.7 GB if all were sent

    reply, megabytes = talk(script, scan)

    assert not reply.complete
    assert [str(notice) for notice in reply.notices] == ["ERR [config] gre: unknown"]
    assert len(megabytes) < 850


def test_a_server_that_ends_and_takes_nothing_more_does_not_hold_the_client() -> None:
    def script(peer: socket.socket) -> bytes:
        peer.recv(1026)
        peer.sendall(text("ERR [header] missing: TE") + CLOSE)
        peer.recv(1, socket.MSG_PEEK)
        return hear_nothing(peer)

    def hear_nothing(peer: socket.socket) -> bytes:
        return b"" if server_done.wait(20) else b"late"

    server_done = Event()
    scan = long_scan(20)  # more than sockets buffer

    with ScriptedServer(script) as server:
        reply = send(scan, server.address, _NAMED, quiet())
        server_done.set()

    assert not reply.complete
    assert reply.notices[0].text == "[header] missing: TE"


def test_close_before_the_scan_is_over_is_no_success() -> None:
    def script(peer: socket.socket) -> bytes:
        peer.sendall(CLOSE)
        return hear_all(peer)

    scan = long_scan(50)

    reply, _ = talk(script, scan)

    assert not reply.complete


def test_a_broken_grammar_is_a_protocol_error_while_sending() -> None:
    def script(peer: socket.socket) -> bytes:
        peer.sendall(struct.pack("<H", 999))
        return hear_all(peer)

    with pytest.raises(ProtocolError, match="message id: found 999"):
        talk(script, [Header(_XML), *[lines(64, channels=32, samples=512)] * 50])


def test_a_silent_server_is_given_up() -> None:
    def script(peer: socket.socket) -> bytes:
        hear_all(peer)
        return peer.recv(1)  # until the client hangs up

    with ScriptedServer(script) as server:
        impatient = Server(server.address.host, server.address.port, idle_s=0.2)
        with pytest.raises(DeliveryError, match=r"said nothing for 0\.2 s"):
            send([Header(_XML)], impatient, _NAMED, quiet())


def test_a_refused_connection_says_where_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]

    with pytest.raises(DeliveryError) as caught:
        send([Header(_XML)], Server("127.0.0.1", port), _NAMED, quiet())

    assert str(caught.value) == (
        f"127.0.0.1:{port}: nobody listens there; start `streamrecon serve`, or name a server"
        " with --to"
    )


def test_an_error_in_the_scans_file_ends_the_connection() -> None:
    def scan() -> Iterator[Message]:
        yield Header(_XML)
        raise ProtocolError("line 7: found 3 numbers")

    with ScriptedServer(hear_all) as server:
        with pytest.raises(ProtocolError, match="line 7"):
            send(scan(), server.address, _NAMED, quiet())
        assert not server.heard.endswith(CLOSE)


def test_gadgetrons_dialect_byte_for_byte() -> None:
    _, heard = talk(answers(CLOSE), [Header(_XML)], Request(ConfigFile("default.xml")))

    assert heard == (
        b"\x01\x00" + b"default.xml".ljust(1024, b"\0")
        + b"\x03\x00\x10\x00\x00\x00<ismrmrdHeader/>"
        + b"\x04\x00"
    )  # fmt: skip


def test_fires_dialect_ends_texts_with_nul_and_sends_parameters_behind_the_header() -> None:
    request = Request(ConfigFile("gre"), Dialect.FIRE, {"threshold": "0.2"})

    _, heard = talk(answers(CLOSE), [Header(_XML)], request)

    json = b'{"version": "1.1.0", "parameters": {"threshold": "0.2"}}\0'
    assert heard == (
        b"\x01\x00" + b"gre".ljust(1024, b"\0")
        + b"\x03\x00\x11\x00\x00\x00<ismrmrdHeader/>\0"
        + b"\x05\x00" + struct.pack("<I", len(json)) + json
        + b"\x04\x00"
    )  # fmt: skip


def test_a_chain_file_is_sent_in_full() -> None:
    _, heard = talk(answers(CLOSE), [Header(_XML)], Request(ConfigText("<configuration/>")))

    assert heard.startswith(b"\x02\x00\x10\x00\x00\x00<configuration/>\x03\x00")


@pytest.mark.parametrize("samples", [16, 5000], ids=["packed lines", "scattered lines"])
def test_lines_arrive_in_order_and_whole(samples: int) -> None:
    scan = lines(700, channels=1, samples=samples)

    _, heard = talk(answers(CLOSE), [Header(_XML), scan])

    sent = np.frombuffer(
        heard[1026 + 6 + len(_XML) : -2],
        np.dtype([("id", "<u2"), ("head", ACQUISITION), ("data", "<c8", (1, samples))]),
    )
    assert len(sent) == 700
    assert set(sent["id"]) == {1008}
    np.testing.assert_array_equal(sent["head"]["scan_counter"], np.arange(700))
    np.testing.assert_array_equal(sent["data"], scan.data)


def test_parameters_need_the_dialect_that_carries_them() -> None:
    with pytest.raises(ConfigError, match="only the fire dialect carries them"):
        Request(ConfigFile("gre"), Dialect.GADGETRON, {"a": "1"})


@pytest.mark.parametrize(
    ("words", "host", "port"),
    [
        ("scanner", "scanner", 9002),
        ("10.0.0.1:9003", "10.0.0.1", 9003),
        ("[::1]:7", "::1", 7),
        ("[::1]", "::1", 9002),
    ],
)
def test_a_servers_address_is_read_and_written(words: str, host: str, port: int) -> None:
    server = Server.parse(words)

    assert (server.host, server.port) == (host, port)
    assert Server.parse(str(server)) == server


@pytest.mark.parametrize("words", ["", ":9002", "a:b", "a:0", "a:65536", "::1:9002:", "a:1:2"])
def test_what_is_no_address_is_refused(words: str) -> None:
    with pytest.raises(ConfigError, match="needed HOST or HOST:PORT"):
        Server.parse(words)


def test_a_texts_control_characters_do_not_reach_the_terminal() -> None:
    shown = io.StringIO()

    with ScriptedServer(answers(text("INF \x1b[2J\x07gone") + CLOSE)) as server:
        send([Header(_XML)], server.address, _NAMED, Watch(live=False, stream=shown))

    assert shown.getvalue() == "INF ?[2J?gone\n"


def test_the_progress_line_counts_lines_and_images() -> None:
    shown = io.StringIO()

    with (
        ScriptedServer(answers(image_bytes() + CLOSE)) as server,
        Watch("scan.h5", total=3, live=True, stream=shown) as watch,
    ):
        send([Header(_XML), lines(3)], server.address, _NAMED, watch)

    assert "scan.h5" in shown.getvalue()
    assert "3/3 lines" in shown.getvalue()
    assert "images: 1" in shown.getvalue()
