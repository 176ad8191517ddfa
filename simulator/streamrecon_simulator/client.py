"""Plays a scan to an MRD server, at the scanner's pace or at full speed."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from time import monotonic

import numpy as np

from streamrecon.errors import DeliveryError, ProtocolError
from streamrecon.mrd.wire.messages import Acquisitions, Close, ConfigFile, Image, Message, Text
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

_TICK_S = 2.5e-3  # unit of the time stamps in `heads`
_IDLE_S = 120.0  # longer than any reconstruction of a simulated scan


class Pace(Enum):
    """When lines are sent."""

    TR = "tr"  # when their time stamp says
    FULL = "full"  # as fast as the server takes them


@dataclass(frozen=True, slots=True)
class Played:
    """What came back.

    Parameters
    ----------
    images
        All images, in the order they came.
    texts
        All texts.
    complete
        The server took every line, ended with CLOSE and reported no error.
    """

    images: tuple[Image, ...]
    texts: tuple[str, ...]
    complete: bool


def play(
    messages: Iterable[Message],
    address: tuple[str, int],
    config: str,
    *,
    pace: Pace = Pace.FULL,
    on_message: Callable[[Message], None] = lambda _: None,
    idle_s: float = _IDLE_S,
) -> Played:
    """Send a scan, receive what the server makes of it.

    Parameters
    ----------
    messages
        Header, lines, waveforms; config and CLOSE are added.
    address
        Host and port.
    config
        Name of the chain.
    pace
        When lines are sent.
    on_message
        Is given each text and image as it comes.
    idle_s
        Longest silence of the server [s].

    Raises
    ------
    DeliveryError
        If the server is not there, or is silent for longer.
    ProtocolError
        If it breaks the grammar or leaves without CLOSE.
    """
    try:
        peer = socket.create_connection(address, timeout=idle_s)
    except OSError as e:
        raise DeliveryError(f"{address[0]}:{address[1]}: no server there ({e})") from e
    stop = threading.Event()
    everything = itertools.chain([ConfigFile(config)], _paced(messages, pace, stop), [Close()])
    with peer, ThreadPoolExecutor(max_workers=1) as pool:
        sending = pool.submit(_send, peer, everything, stop)
        try:
            received = list(_receive(peer, on_message))
        finally:
            stop.set()
            with contextlib.suppress(OSError):  # it may have gone before us
                peer.shutdown(socket.SHUT_RDWR)  # wakes a sender that the server keeps waiting
        sent = sending.result()
    images = tuple(message for message in received if isinstance(message, Image))
    texts = tuple(message.text for message in received if isinstance(message, Text))
    failed = any(text.startswith("ERR") for text in texts)
    return Played(images, texts, sent and not failed)


def _send(peer: socket.socket, messages: Iterable[Message], stop: threading.Event) -> bool:
    """Send until the end, or until told to stop; whether all went out."""
    for message in messages:
        for piece in encode(message):
            if stop.is_set():
                return False
            try:
                peer.sendall(piece)
            except OSError:  # the server has had enough; what it said is the receiver's business
                return False
    return True


def _receive(peer: socket.socket, on_message: Callable[[Message], None]) -> Iterator[Message]:
    parser = MrdParser()
    while True:
        try:
            count = peer.recv_into(parser.space())
        except OSError as e:
            raise DeliveryError(f"the server stopped talking: {e}") from e
        if not count:
            parser.end()
            raise ProtocolError("the server left without CLOSE")
        for message in parser.commit(count):
            if isinstance(message, Close):
                return
            on_message(message)
            yield message


def _paced(messages: Iterable[Message], pace: Pace, stop: threading.Event) -> Iterator[Message]:
    """The same messages; at the scanner's pace lines of one time stamp at a time."""
    if pace is Pace.FULL:
        yield from messages
        return
    began = monotonic()
    for message in messages:
        if not isinstance(message, Acquisitions):
            yield message
            continue
        stamps = message.header["acquisition_time_stamp"].astype(np.int64)
        for lines in np.split(np.arange(len(stamps)), np.flatnonzero(np.diff(stamps)) + 1):
            stop.wait(max(0.0, began + float(stamps[lines[0]]) * _TICK_S - monotonic()))
            yield message.select(lines)
