"""The player against servers of a few lines each."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from streamrecon_simulator.__main__ import main
from streamrecon_simulator.client import Pace, play
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate

from streamrecon.errors import DeliveryError, ProtocolError
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    Header,
    Image,
    Message,
    Text,
)
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

Answer = Callable[[socket.socket], list[Message] | None]

SCENE = replace(SCENES["tiny"], tr_s=0.0005)


def send(peer: socket.socket, *messages: Message) -> None:
    for message in messages:
        for piece in encode(message):
            peer.sendall(piece)


def read_until_close(peer: socket.socket) -> list[Message]:
    parser, received = MrdParser(), list[Message]()
    while not any(isinstance(message, Close) for message in received):
        count = peer.recv_into(parser.space())
        assert count, "the client left without CLOSE"
        received += parser.commit(count)
    return received


@contextmanager
def server(answer: Answer) -> Iterator[tuple[tuple[str, int], list[list[Message]]]]:
    """A server on loopback that gives one client to ``answer``; its port and what it returned."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        results: list[list[Message]] = []

        def run() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(20)
                results.append(answer(peer) or [])

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname(), results
        finally:
            thread.join(timeout=30)


def image_back(peer: socket.socket) -> list[Message]:
    received = read_until_close(peer)
    pixels = np.ones((1, 2, 3, 4), np.float32)
    send(peer, Text("INF done"), Image(np.zeros(1, IMAGE)[0], pixels), Close())
    return received


@pytest.mark.parametrize("pace", Pace)
def test_a_server_gets_config_header_every_line_and_close(pace: Pace) -> None:
    simulation = simulate(SCENE)
    with server(image_back) as (address, results):
        played = play(simulation.messages(), address, "gre.xml", pace=pace)

    received = results[0]
    lines = [m for m in received if isinstance(m, Acquisitions)]
    wanted = [m for m in simulation.messages() if isinstance(m, Acquisitions)]
    assert received[0] == ConfigFile("gre.xml")
    assert isinstance(received[1], Header)
    assert sum(len(m) for m in lines) == sum(len(m) for m in wanted)
    np.testing.assert_array_equal(lines[-1].data[-1], wanted[-1].data[-1])
    assert played.complete
    assert played.texts == ("INF done",)
    assert played.images[0].data.shape == (1, 2, 3, 4)


def test_an_error_of_the_server_is_no_complete_scan() -> None:
    def refuse(peer: socket.socket) -> None:
        send(peer, Text("ERR [config] no such chain"), Close())
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(1 << 16):
            pass

    with server(refuse) as (address, _):
        played = play(simulate(SCENE).messages(), address, "none.xml")

    assert not played.complete
    assert played.texts == ("ERR [config] no such chain",)


def test_a_server_that_leaves_without_close_is_an_error() -> None:
    def leave(peer: socket.socket) -> None:
        peer.recv(10)

    # What the client sees depends on what it had under way: the end, or a reset.
    with (
        server(leave) as (address, _),
        pytest.raises((ProtocolError, DeliveryError), match=r"without CLOSE|stopped talking"),
    ):
        play(simulate(SCENE).messages(), address, "gre.xml")


def test_no_server_is_an_error_that_names_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(DeliveryError, match=f"127.0.0.1:{port}"):
        play([], ("127.0.0.1", port), "gre.xml")


def test_a_file_is_not_changed_by_options_of_a_scene(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "scan.h5", "--config", "gre.xml", "--bipolar"]) == 2

    assert "error [config] --bipolar: a file is played as it is" in capsys.readouterr().err


def test_the_command_line_shows_texts_and_images(capsys: pytest.CaptureFixture[str]) -> None:
    with server(image_back) as ((host, port), _):
        code = main(["play", "tiny", "--to", f"{host}:{port}", "--config", "x", "--coils", "1"])

    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "INF done",
        "image 0.0: 1 × 2 × 3 × 4 float32",
        "images: 1, complete",
    ]
