"""How many files one reads to follow a line from the socket to its place on the grid."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from modules_run import ModulesRun
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.mrd.wire.messages import Acquisitions, Close, ConfigFile, Message
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.settings import Settings
from streamrecon.server.watching.progress import Progress
from streamrecon.server.workers.worker import SessionProcess, WorkerSetup
from streamrecon.server.workers.worker_channel import Job

SCENE = Scene(
    "small", matrix=(4, 12, 16), voxel_mm=(10.0, 5.0, 5.0), te_s=(0.006, 0.013), n_coils=3,
    noise_lines=8,
)  # fmt: skip
PATIENCE_S = 60.0
MOST = 25


def encoded(*messages: Message) -> bytes:
    return b"".join(bytes(piece) for message in messages for piece in encode(message))


def header_and_lines() -> tuple[Message, list[Acquisitions]]:
    header, *runs = simulate(SCENE).messages()
    lines = [
        run.select(slice(at, at + 1))
        for run in runs
        if isinstance(run, Acquisitions)
        for at in range(len(run))
    ]
    return header, lines


def read_to_the_end(peer: socket.socket) -> None:
    while peer.recv(1 << 16):
        pass


def wait_for_lines(progress: Progress, wanted: int) -> None:
    """Until the chain has taken so many lines; it is done with those before the last then."""
    ends = time.monotonic() + PATIENCE_S
    while progress.counts()[0] < wanted:
        assert time.monotonic() < ends, progress.counts()
        time.sleep(0.01)


@contextmanager
def session(progress: Progress) -> Iterator[socket.socket]:
    """The client's end of a session that a worker holds; it must be told CLOSE."""
    client, server = socket.socketpair()
    channel, listener = socket.socketpair()
    server.setblocking(False)
    settings = Settings(storage=None, destinations=None)
    with client, server, listener, ThreadPoolExecutor(2) as beside:
        with channel:
            held = SessionProcess(
                Job("0000"), server, channel, equipment=WorkerSetup(REGISTRY), settings=settings,
                progress=progress,
            )  # fmt: skip
            heard = beside.submit(read_to_the_end, listener)
            ended = beside.submit(held.run)
            yield client
            client.shutdown(socket.SHUT_WR)
            ended.result(PATIENCE_S)
        heard.result(PATIENCE_S)


def test_a_line_passes_few_files_on_its_way_from_the_socket_to_the_grid() -> None:
    header, lines = header_and_lines()
    at = len(lines) // 2
    before = encoded(ConfigFile("gre_recon"), header, *lines[:at])
    settled, followed, next_one = (encoded(line) for line in lines[at : at + 3])

    with ModulesRun() as run, Progress.new() as progress, session(progress) as client:
        client.sendall(before)
        wait_for_lines(progress, at)
        client.sendall(settled)
        wait_for_lines(progress, at + 1)
        with run.recording():
            client.sendall(followed)
            wait_for_lines(progress, at + 2)
            client.sendall(next_one)
            wait_for_lines(progress, at + 3)
        client.sendall(encoded(*lines[at + 3 :], Close()))

    passed = [name for name in run.names() if name.split(".")[1] != "model"]
    assert {"streamrecon.server.sessions.reader", "streamrecon.recon.kspace.assemble"} < set(passed)
    assert "streamrecon.recon._kernels" in passed  # compiled loops are seen
    assert len(passed) <= MOST, "\n".join(passed)
