"""Scans over TLS: the same conversation, and nobody without a certificate of ours."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from certificates import Authority
from toy_client import HEADER, Service, chain, gadget, lines, service

from streamrecon.cli import main
from streamrecon.client import Request, Server, send
from streamrecon.console import Watch
from streamrecon.errors import ConfigError, DeliveryError
from streamrecon.mrd.wire.messages import Close, ConfigText, Image, Message
from streamrecon.network import tls_relay
from streamrecon.network.tls_connection import TlsConnection
from streamrecon.network.tls_files import client_context, server_context
from streamrecon.network.tls_relay import loopback_pair, relay
from streamrecon.server.settings import load_settings

SUM = chain(gadget("SumLines"))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="module")
def guarded(ours: Authority) -> Iterator[Service]:
    """A service that serves only clients with a certificate of ours."""
    certificate, key = ours.certificate("service")
    files = {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": ours.file}
    settings: dict[str, Any] = {name: str(file) for name, file in files.items()}
    with service(**settings, opening_s=5) as running:
        yield running


def known(ours: Authority) -> ssl.SSLContext:
    """What a client with a certificate of ours needs."""
    return client_context(ours.file, *ours.certificate("scanner"))


def answer_over(context: ssl.SSLContext, to: Service, config: ConfigText) -> list[Message]:
    """All that a client hears that sends three lines, byte by byte as the toys do."""
    with to.connect() as client:
        client.socket = context.wrap_socket(client.socket, server_hostname="127.0.0.1")
        client.send(config, HEADER, lines(3), Close())
        return client.hear_all()


def test_a_scan_over_tls_has_the_same_answer(
    guarded: Service, ours: Authority, toys: Service
) -> None:
    image, close = answer_over(known(ours), guarded, SUM)

    plain, _ = toys.talk(SUM, HEADER, lines(3), Close())
    assert isinstance(image, Image)
    assert isinstance(plain, Image)
    np.testing.assert_array_equal(image.data, plain.data)
    assert close == Close()


def test_large_images_come_whole_to_our_own_client(guarded: Service, ours: Authority) -> None:
    burst = chain(gadget("Burst", images=12, image_mib=3))
    server = Server(port=guarded.port, idle_s=20, tls=known(ours))

    with Watch("scan", total=None) as watch:
        reply = send([HEADER, lines(2000)], server, Request(burst), watch)

    assert reply.complete
    assert sum(image.data.nbytes for image in reply.images) == 12 * 3 * 2**20


def test_whoever_has_no_certificate_of_ours_gets_nothing(
    guarded: Service, ours: Authority, theirs: Authority
) -> None:
    nobody = client_context(ours.file, None, None)
    stranger = client_context(ours.file, *theirs.certificate("stranger"))

    for context in (nobody, stranger):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            answer_over(context, guarded, SUM)


def test_whoever_speaks_no_tls_gets_nothing(guarded: Service) -> None:
    heard = b""
    with guarded.connect() as client, suppress(ConnectionError):  # at whichever message
        client.send(SUM, HEADER, lines(3), Close())
        heard = client.hear_bytes()

    assert b"ERR" not in heard
    assert len(heard) < 16  # an alert of TLS at most


def test_our_client_says_why_it_was_refused(guarded: Service, ours: Authority) -> None:
    server = Server(port=guarded.port, idle_s=20, tls=client_context(ours.file, None, None))

    with Watch("scan", total=None) as watch, pytest.raises(DeliveryError, match=r"(?i)certificate"):
        send([HEADER, lines(3)], server, Request(SUM), watch)


def test_our_client_sends_nothing_to_a_server_it_does_not_trust(
    guarded: Service, ours: Authority, theirs: Authority
) -> None:
    elsewhere, key = ours.certificate("elsewhere", address="127.0.0.9")

    with Watch("scan", total=None) as watch:
        with pytest.raises(DeliveryError, match=r"no TLS: .*certificate verify failed"):
            of_others = client_context(theirs.file, None, None)
            send([HEADER], Server(port=guarded.port, tls=of_others), Request(SUM), watch)
        with (
            service(tls_certificate=str(elsewhere), tls_key=str(key)) as other,
            pytest.raises(DeliveryError, match=r"IP address mismatch.*127\.0\.0\.1"),
        ):
            send([HEADER], Server(port=other.port, tls=known(ours)), Request(SUM), watch)


def test_an_error_reaches_a_client_that_is_still_sending(guarded: Service, ours: Authority) -> None:
    server = Server(port=guarded.port, idle_s=20, tls=known(ours))

    with Watch("scan", total=None) as watch:
        reply = send([HEADER, *[lines(4000)] * 40], server, Request(chain(gadget("Not"))), watch)

    assert not reply.complete
    assert reply.notices[-1].text.startswith("[config]")


def test_silent_connections_hold_no_worker(guarded: Service, ours: Authority) -> None:
    mute = [guarded.connect() for _ in range(6)]

    heard = answer_over(known(ours), guarded, SUM)

    for client in mute:
        client.socket.close()
    assert heard[-1] == Close()


def test_the_service_ends_though_a_tls_client_stays(ours: Authority) -> None:
    certificate, key = ours.certificate("service")
    files: dict[str, Any] = {"tls_certificate": str(certificate), "tls_key": str(key)}
    with service(**files, drain_idle_s=0.5) as running:
        context = client_context(ours.file, None, None)
        with running.connect() as client, running.connect():
            client.socket = context.wrap_socket(client.socket, server_hostname="127.0.0.1")
            client.send(SUM, HEADER, lines(3), Close())
            heard = client.hear_all()
            code, _ = running.stop()

    assert heard[-1] == Close()
    assert code == 0


def test_any_bytes_go_through_a_relay_both_ways_at_once(ours: Authority) -> None:
    certificate, key = ours.certificate("service")
    outer, inner, ends = _relayed(server_context(certificate, key, None), ours)
    random = np.random.default_rng(3)
    up, down = random.bytes(5_000_001), random.bytes(3_000_003)
    got: dict[str, bytes] = {}

    def hear(name: str, end: socket.socket) -> None:
        got[name] = b"".join(iter(lambda: end.recv(70_001), b""))

    hearing = Thread(target=hear, args=("up", inner))
    hearing.start()

    def send() -> None:
        inner.sendall(down)
        inner.shutdown(socket.SHUT_WR)

    sending = Thread(target=send)
    sending.start()
    outer.sendall(up[:100])  # one thread: an object of OpenSSL is for one at a time
    got["down"] = b"".join(iter(lambda: outer.recv(70_001), b""))
    outer.sendall(up[100:])
    outer.close()

    for thread in (hearing, sending, ends):
        thread.join(20)
    inner.close()
    assert got == {"up": up, "down": down}


def test_what_comes_while_an_end_is_said_is_not_lost(ours: Authority) -> None:
    """OpenSSL itself takes data for a fault that come between its end and the peer's."""
    near, far = _connected(ours)
    piece = memoryview(bytearray(1 << 18))
    with near, far:
        far.send(memoryview(b"first"))
        first = bytes(piece[: near.recv_into(piece)])
        far.send(memoryview(b"second"))
        far.send(memoryview(b"third"))
        near.recv_into(piece[:20_000])  # the second; the third has come with it
        near.tell_end()
        rest = bytes(piece[: near.recv_into(piece)])
        ended = far.recv_into(piece)
        far.send(memoryview(bytes(100)))
        late = near.recv_into(piece)
        far.tell_end()

        assert (first, rest, ended, late) == (b"first", b"third", 0, 100)
        assert near.recv_into(piece) == 0


class ReadsNoMore(socket.socket):
    """The socket of a peer that said something, and went before its partner looked."""

    has_gone = looked = False

    def recv(self, *arguments: int) -> bytes:
        if self.has_gone and not self.looked:
            self.looked = True
            raise BlockingIOError
        return super().recv(*arguments)

    def send(self, *arguments: Any) -> int:
        if self.has_gone:
            raise ConnectionResetError
        return super().send(*arguments)


def test_what_a_peer_said_last_arrives_though_it_reads_no_more(ours: Authority) -> None:
    """The client is still sending when the service has refused it and closed."""
    client, accepted = loopback_pair()
    far = ReadsNoMore(fileno=accepted.detach())
    near, secure = _connected(ours, (client, far))
    outer, inner = loopback_pair()
    near.send(memoryview(b"refused"))
    near.tell_end()
    far.has_gone = True
    inner.sendall(b"lines" * 1000)

    with near, inner:
        with secure, outer:
            relay(secure, outer)
        heard = b"".join(iter(lambda: inner.recv(100), b""))

    assert heard == b"refused"


@pytest.mark.parametrize("kilobytes", [320, 384, 448])
def test_a_peer_that_pauses_loses_nothing_of_what_was_said(
    ours: Authority, monkeypatch: pytest.MonkeyPatch, kilobytes: int
) -> None:
    """All is said once the last byte has gone, not once the last one was taken."""
    monkeypatch.setattr(tls_relay, "_LAST_S", 0.2)
    pair = loopback_pair()
    for end, buffer in zip(pair, (socket.SO_RCVBUF, socket.SO_SNDBUF), strict=True):
        end.setsockopt(socket.SOL_SOCKET, buffer, 65_536)
    near, secure = _connected(ours, pair)
    outer, inner = loopback_pair()
    said = np.random.default_rng(4).bytes(kilobytes * 1024)

    def serve() -> None:
        with secure, outer:
            relay(secure, outer)

    relaying = Thread(target=serve)
    relaying.start()
    inner.sendall(said)
    inner.shutdown(socket.SHUT_WR)
    time.sleep(1.0)
    piece, heard = memoryview(bytearray(1 << 18)), b""
    with near, inner:
        near.setblocking(True)
        while n := near.recv_into(piece):
            heard += bytes(piece[:n])
    relaying.join(20)

    assert heard == said


def test_a_worker_that_has_gone_lets_its_client_read_the_last_word(ours: Authority) -> None:
    certificate, key = ours.certificate("service")
    outer, inner, ends = _relayed(server_context(certificate, key, None), ours)
    inner.sendall(b"refused")
    inner.close()

    with outer:
        outer.settimeout(60)
        for _ in range(40):
            outer.sendall(bytes(100_000))
        heard = b"".join(iter(lambda: outer.recv(100), b""))
    ends.join(60)

    assert heard == b"refused"
    assert not ends.is_alive()


def _relayed(
    context: ssl.SSLContext, authority: Authority
) -> tuple[ssl.SSLSocket, socket.socket, Thread]:
    """A client's TLS socket, the plain socket behind the relay, and the relay's thread."""
    client, accepted = loopback_pair()
    ours, inner = loopback_pair()

    def serve() -> None:
        with TlsConnection(accepted, context, server_side=True) as secure, ours:
            relay(secure, ours)

    thread = Thread(target=serve)
    thread.start()
    wrapped = client_context(authority.file, None, None).wrap_socket(
        client, server_hostname="127.0.0.1"
    )
    return wrapped, inner, thread


def _connected(
    authority: Authority, pair: tuple[socket.socket, socket.socket] | None = None
) -> tuple[TlsConnection, TlsConnection]:
    """Two ends of one connection: who called, and who was called."""
    client, accepted = pair or loopback_pair()
    context = server_context(*authority.certificate("service"), None)
    with ThreadPoolExecutor(1) as calling:
        called = calling.submit(
            TlsConnection,
            client,
            client_context(authority.file, None, None),
            server_hostname="127.0.0.1",
        )
        secure = TlsConnection(accepted, context, server_side=True)
        return called.result(), secure


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tls_key": "k.pem"}, "needed tls_certificate too"),
        ({"tls_client_ca": "ca.pem"}, "needed tls_certificate too"),
    ],
)
def test_half_of_tls_is_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_settings(settings, {})


def test_a_wrong_file_is_named(ours: Authority, theirs: Authority, tmp_path: Path) -> None:
    certificate, key = ours.certificate("service")
    _, other_key = theirs.certificate("other")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")

    for files, words in (
        ((tmp_path / "none.pem", None, None), r"none\.pem: No such file"),
        ((certificate, other_key, None), r"other\.key: found no certificate with its key"),
        ((text, key, None), r"text\.pem"),
        ((certificate, key, text), r"text\.pem: found no certificates"),
    ):
        with pytest.raises(ConfigError, match=words):
            server_context(*files)


def test_the_command_asks_for_an_authority(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["send", __file__, "--config", "gre_recon", "-o", "out", "--tls-key", __file__]

    assert main(words) == 2
    assert "needed --tls-ca too" in capsys.readouterr().err
