"""The question for a noise scan, against scripted answers and against a real service's reader."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from scripted_server import CLOSE, ScriptedServer, hear_all

from streamrecon.errors import TruncatedStream
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.wire.messages import ConfigText, Dependency, Meta
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode
from streamrecon.noise_query import ask_noise
from streamrecon.stream.chainfile.parse import read_chain


def answers(words: bytes) -> Callable[[socket.socket], bytes]:
    def script(peer: socket.socket) -> bytes:
        heard = hear_all(peer)
        peer.sendall(words)
        return heard

    return script


def dependency(meta: Meta) -> bytes:
    return b"".join(encode(Dependency(meta))) + CLOSE


def ask(words: bytes, measurement: str = "41_noise") -> tuple[Notice, bytes]:
    with ScriptedServer(answers(words)) as server:
        return ask_noise(server.address, measurement), server.heard


def test_a_known_noise_scan_is_told_with_its_level() -> None:
    meta: Meta = {
        "status": ("success",),
        "channels": ("8",),
        "mean_sigma": ("0.5",),
        "noise_dwell_time_us": ("7",),
    }

    notice, _ = ask(dependency(meta))

    assert notice == Notice(
        Level.INFO, "the server has the noise scan: 8 channels, mean sigma 0.5, dwell time 7 µs"
    )


@pytest.mark.parametrize("words", [dependency({"status": ("failed",)}), CLOSE])
def test_an_unknown_noise_scan_is_a_warning(words: bytes) -> None:
    notice, _ = ask(words)

    assert notice.level is Level.WARNING


def test_a_server_that_vanishes_instead_of_answering_is_an_error() -> None:
    with pytest.raises(TruncatedStream, match="without CLOSE"):
        ask(b"")


def test_the_question_is_one_that_services_recognise_and_close() -> None:
    _, heard = ask(CLOSE, measurement="a<b&c")

    config, close = MrdParser().receive(heard)
    assert isinstance(config, ConfigText)
    spec = read_chain(config.xml)
    assert spec.is_dependency_query
    assert spec.dependency_name == "GadgetronNoiseCovarianceMatrix_a<b&c"
    assert type(close).__name__ == "Close"
