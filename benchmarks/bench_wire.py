"""Parsing and writing the wire, in units of memcpy, of a bare socket and of gadgetron-python.

    python benchmarks/bench_wire.py [--lines N] [--pairs N]

32-channel, 512-sample lines (131 kB) by default. A peer in a process of its own sends the same
bytes each time and takes back what comes; the work in between is measured:

- relay: recv_into and sendall, no look at the bytes
- ours: `MrdParser` and `encode`, every line a value in between
- gadgetron: `gadgetron.external.Connection`, every item sent back

Targets: ours at least 3 times as fast as gadgetron, and at least 30 % of the relay's throughput.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
from _cost import cost_in, time_of
from gadgetron.external import Connection

from streamrecon.mrd.wire.layout import ACQUISITION
from streamrecon.mrd.wire.messages import Acquisitions, Close, ConfigText, Header, Message
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

PIECE = 1 << 20
IOV_MAX = os.sysconf("SC_IOV_MAX")
XML = (
    '<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><experimentalConditions>'
    "<H1resonanceFrequency_Hz>127732436</H1resonanceFrequency_Hz></experimentalConditions>"
    "</ismrmrdHeader>"
)


def scan_bytes(lines: int, channels: int, samples: int) -> bytes:
    """Config, header, lines and CLOSE as one stream."""
    head = np.zeros(lines, ACQUISITION)
    head["version"] = 1
    head["number_of_samples"] = samples
    head["available_channels"] = head["active_channels"] = channels
    head["scan_counter"] = np.arange(lines)
    data = np.ones((lines, channels, samples), np.complex64)
    run = Acquisitions(head, data, np.zeros((lines, samples, 0), np.float32))
    messages = (ConfigText("<configuration/>"), Header(XML.encode()), run, Close())
    return b"".join(bytes(piece) for message in messages for piece in encode(message))


class Peer:
    """Sends the same bytes on every connection and takes back what comes, in its own process."""

    def __init__(self, stream: bytes) -> None:
        context = multiprocessing.get_context("fork")
        self._door = socket.create_server(("127.0.0.1", 0))
        port = self._door.getsockname()[1]
        self._process = context.Process(target=_attend, args=(port, stream))
        self._process.start()

    def connect(self) -> socket.socket:
        """Connection to the peer, which sends at once."""
        connection, _ = self._door.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def stop(self) -> None:
        """End the peer: it gives up when nobody listens."""
        self._process.terminate()
        self._process.join()
        self._door.close()


def _attend(port: int, stream: bytes) -> None:
    while True:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            sender = threading.Thread(target=_send, args=(connection, stream))
            sender.start()
            sink = bytearray(PIECE)
            while connection.recv_into(sink):
                pass
            sender.join()


def _send(connection: socket.socket, stream: bytes) -> None:
    connection.sendall(stream)
    connection.shutdown(socket.SHUT_WR)


def relay(connection: socket.socket) -> None:
    """Send back what comes."""
    room = memoryview(bytearray(PIECE))
    while n := connection.recv_into(room):
        connection.sendall(room[:n])


def discard(connection: socket.socket) -> None:
    """Take what comes."""
    room = memoryview(bytearray(PIECE))
    while connection.recv_into(room):
        pass


def parse(connection: socket.socket) -> None:
    """Take what comes, as messages."""
    parser = MrdParser()
    while n := connection.recv_into(parser.space()):
        parser.commit(n)
    parser.end()


def ours(connection: socket.socket) -> None:
    """Send back every message."""
    parser = MrdParser()
    while n := connection.recv_into(parser.space()):
        for message in parser.commit(n):
            send_all(connection, encode(message))
    parser.end()


def send_all(connection: socket.socket, pieces: list[bytes | memoryview]) -> None:
    """Scatter list to the socket, whatever part of it one call takes."""
    while pieces:
        sent = connection.sendmsg(pieces[:IOV_MAX])
        while pieces and sent >= len(pieces[0]):
            sent -= len(pieces.pop(0))
        if sent:
            pieces[0] = memoryview(pieces[0])[sent:]


def gadgetron(connection: socket.socket) -> None:
    """Send back every line."""
    with Connection(connection) as items:
        for item in items:
            items.send(item)


def over(peer: Peer, work: Callable[[socket.socket], None]) -> Callable[[], None]:
    """One connection's work, from accept to the peer's taking the last byte."""

    def run() -> None:
        with peer.connect() as connection:
            work(connection)

    return run


def nothing(_: Message) -> None:
    """What is done with a message that is only parsed."""


def from_memory(stream: bytes, each: Callable[[Message], object] = nothing) -> Callable[[], None]:
    """Parse out of memory, each byte copied once into the parser."""

    def run() -> None:
        parser, view = MrdParser(), memoryview(stream)
        while view:
            space = parser.space()
            n = min(len(space), PIECE, len(view))
            space[:n] = view[:n]
            view = view[n:]
            for message in parser.commit(n):
                each(message)

    return run


class Memory:
    """A socket that has everything already, and forgets what it is sent."""

    def __init__(self, stream: bytes) -> None:
        self._stream = io.BytesIO(stream)

    def settimeout(self, _: float | None) -> None:
        """Nothing to wait for."""

    def recv(self, n: int, _: int) -> bytes:
        """The next ``n`` bytes."""
        return self._stream.read(n)

    def sendall(self, data: bytes) -> None:
        """Forget ``data``."""

    send = sendall

    def close(self) -> None:
        """Nothing to close."""


def from_memory_by_gadgetron(stream: bytes) -> Callable[[], None]:
    """Read and write every line by gadgetron-python, without a kernel in between."""

    def run() -> None:
        with Connection(Memory(stream)) as items:
            for item in items:
                items.send(item)

    return run


def memcpy(stream: bytes) -> Callable[[], None]:
    """Copy the same bytes in the same pieces, round a block as long as the parser's."""
    room = memoryview(bytearray(4 * PIECE))

    def run() -> None:
        view = memoryview(stream)
        for start in range(0, len(stream), PIECE):
            piece = view[start : start + PIECE]
            at = start % len(room)
            room[at : at + len(piece)] = piece

    return run


def ratios(stream: bytes, peer: Peer, pairs: int) -> Iterator[tuple[str, float]]:
    """What was compared, and how many times the second the first takes."""
    yield "memory: parse / memcpy", cost_in(memcpy(stream), from_memory(stream), pairs)
    theirs, mine = from_memory_by_gadgetron(stream), from_memory(stream, encode)
    yield "memory: gadgetron / ours, read and write", cost_in(mine, theirs, pairs)
    yield (
        "socket: ours / discard, receive only",
        cost_in(over(peer, discard), over(peer, parse), pairs),
    )
    yield (
        "socket: ours / relay, pass-through",
        cost_in(over(peer, relay), over(peer, ours), pairs),
    )
    yield (
        "socket: gadgetron / ours, pass-through",
        cost_in(over(peer, ours), over(peer, gadgetron), pairs),
    )
    yield (
        "socket: gadgetron / ours, CPU of the process between",
        cost_in(over(peer, ours), over(peer, gadgetron), pairs, clock=time.process_time),
    )


def main() -> None:
    """Print the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--lines", type=int, default=1500)
    arguments.add_argument("--channels", type=int, default=32)
    arguments.add_argument("--samples", type=int, default=512)
    arguments.add_argument("--pairs", type=int, default=5)
    options = arguments.parse_args()
    stream = scan_bytes(options.lines, options.channels, options.samples)
    peer = Peer(stream)
    size = len(stream)
    print(f"{options.lines} lines of {options.channels} x {options.samples}: {size / 1e6:.0f} MB")
    try:
        for name, ratio in ratios(stream, peer, options.pairs):
            print(f"  {name:64s} {ratio:6.2f}")
        seconds = time_of(over(peer, ours))
        print(f"  for orientation: ours passes {size / seconds / 1e6:.0f} MB/s each way")
    finally:
        peer.stop()


if __name__ == "__main__":
    main()
