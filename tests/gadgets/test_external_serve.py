"""The serving of one connection, in this process over a pair of sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from narrowing import all_of, as_a
from pydantic import PrivateAttr

from streamrecon.errors import ConfigError, ProtocolError, StreamReconError, TruncatedStream
from streamrecon.gadgetron.conversation import serve
from streamrecon.gadgetron.parent_socket import Peer
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions, Close, Header, Message, RemoteFailure
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode
from streamrecon.stream.gadget import Gadget
from streamrecon.stream.registry import Registry

PASS = b"<configuration><stream/></configuration>"
HEADER = b"<ismrmrdHeader/>"


class CountLines(Gadget[Header | Acquisitions]):
    """Replaces the lines by one, whose scan counter is their number."""

    accepts = (Header, Acquisitions)
    _seen: list[Header | Acquisitions] = PrivateAttr(default_factory=list)

    def feed(self, item: Header | Acquisitions) -> Iterator[object]:
        """Keep it."""
        self._seen.append(item)
        yield from ()

    def finish(self) -> Iterator[object]:
        """Yield the count."""
        first, *rest = self._seen
        assert first == Header(HEADER)
        lines = all_of(Acquisitions, rest)
        last = lines[-1].select(slice(0, 1))
        last.header["scan_counter"] = sum(map(len, lines))
        yield last


REGISTRY = Registry((CountLines,))


def answers_to(data: bytes, config: bytes = PASS) -> tuple[list[Message], BaseException | None]:
    """What Gadgetron would read, and what `serve` raised; the peer half-closes after ``data``."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        peer, error = Peer(ours), None
        try:
            serve(peer, config, HEADER + b"\0", REGISTRY)
        except StreamReconError as e:
            error = e
        peer.close()
        received = b"".join(iter(lambda: theirs.recv(1 << 16), b""))
    return MrdParser().receive(received), error


def line() -> Acquisitions:
    """One line of 3 channels and 5 samples."""
    head = np.zeros(1, layout.ACQUISITION)
    head["number_of_samples"], head["active_channels"] = 5, 3
    return Acquisitions(head, np.ones((1, 3, 5), "c8"), np.zeros((1, 5, 0), "f4"))


LINE = b"".join(encode(line()))
CLOSE = struct.pack("<H", 4)


def test_the_header_comes_first_without_its_nul_and_finish_follows_close() -> None:
    config = (
        b"<configuration><stream><gadget><name>CountLines</name></gadget></stream></configuration>"
    )

    answers, error = answers_to(5 * LINE + CLOSE, config)

    assert error is None
    assert as_a(Acquisitions, answers[0]).header["scan_counter"] == 5
    assert answers[1:] == [Close()]


@pytest.mark.parametrize(
    ("data", "kind", "word"),
    [
        (struct.pack("<H", 1051), ProtocolError, "[protocol] message id: found 1051"),
        (struct.pack("<HI", 5, 2) + b"hi", ProtocolError, "[protocol] found Text from Gadgetron"),
        (struct.pack("<HI", 3, 2) + b"<a", ProtocolError, "[protocol] found Header from Gadgetron"),
        (
            struct.pack("<H", 1008) + b"\0" * 36,
            TruncatedStream,
            "[truncated] message ACQUISITION (1008)",
        ),
        (LINE, TruncatedStream, "[truncated] Gadgetron is gone: the connection ended"),
        (b"", TruncatedStream, "[truncated] Gadgetron is gone: the connection ended"),
    ],
    ids=["unknown id", "text", "second header", "half a line", "no close", "nothing"],
)
def test_what_is_not_data_up_to_close_is_answered_with_error_8(
    data: bytes, kind: type[Exception], word: str
) -> None:
    answers, error = answers_to(data)

    assert type(error) is kind
    *_, failure, close = answers
    assert isinstance(failure, RemoteFailure)
    assert failure.text.startswith(word)
    assert close == Close()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (b'<?xml version="1.0"?>\n', "[config] line 2: not well-formed XML: no element found"),
        (b"<configuration/>", "[config] line 1: found 0 <stream>, needed one"),
        (
            b"<configuration><stream><process/></stream></configuration>",
            "[config] line 1: <process>",
        ),
    ],
    ids=["none", "no stream", "unknown node"],
)
def test_a_bad_config_is_told_although_no_data_came(config: bytes, reason: str) -> None:
    answers, error = answers_to(b"", config)

    assert isinstance(error, ConfigError)
    assert as_a(RemoteFailure, answers[0]).text.startswith(reason)
    assert answers[1:] == [Close()]


def test_a_peer_that_takes_nothing_any_more_does_not_hide_the_error() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(struct.pack("<H", 1051))
        theirs.close()
        peer = Peer(ours)

        with pytest.raises(ProtocolError, match="found 1051"):
            serve(peer, PASS, HEADER, REGISTRY)
        peer.close()

        assert ours.fileno() == -1
