"""Exchanges frames between a worker and its listener: a kind, a length, whole messages.

A worker dies at any byte. What it leaves unfinished in the channel is never passed on, because a
frame counts only when all of it has arrived.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import IntEnum

from streamrecon.server.watching.progress import Progress

_HEADER = struct.Struct("<BQ")
_JOB_BYTES = 4096


class Kind(IntEnum):
    """What a frame holds."""

    READY = 1
    """The worker is warm; no payload."""
    MESSAGES = 2
    """Whole MRD messages for the client."""
    DEPENDENCY_QUERY = 3
    """This client aborts when it is sent a TEXT; no payload."""
    DONE = 4
    """The session is over; the report as JSON."""
    TAKEN = 5
    """The worker has the client's socket, and has read nothing of it yet; no payload."""
    FACTS = 6
    """What the scan is, when its header has come; as JSON."""
    NOTICE = 7
    """A text that the client is sent, for who watches the scan."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, complete."""

    kind: Kind
    payload: bytearray


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is told of the session it is given."""

    session: str


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """What a scan is, for who watches it; no patient data."""

    config: str
    protocol: str = ""
    """Name of the protocol, empty where it may hold a person's."""
    stages: tuple[str, ...] = ()
    """Gadgets under the names of the chain file, in its order."""
    gadgets: tuple[str, ...] = ()
    """Their kinds, of which there are only so many."""
    raw_copy: str = ""
    """Name of the file that the scan is copied to."""
    images: str = ""
    """Name of the file that its images are kept in, for the console page."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the log says of a session when it is over; no patient data."""

    outcome: str
    """``complete``, or the code of the error that the client was told."""
    config: str = ""
    lines: int = 0
    images: int = 0
    megabytes: float = 0.0
    seconds: float = 0.0
    memory_bytes: int = 0
    """Most that the worker held; 0 where it cannot be known any more."""
    goes_on: bool = False
    """Detached branches are at work: the client has everything, the worker lives on."""

    def __str__(self) -> str:
        more = ", detached branches go on" if self.goes_on else ""
        return (
            f"{self.outcome}, config {self.config or '-'}, {self.lines} lines, "
            f"{self.images} images, {self.megabytes:.1f} MB, {self.seconds:.2f} s{more}"
        )


async def read_frame(channel: socket.socket) -> Frame | None:
    """Next whole frame, or ``None`` when the worker is gone."""
    header = await _read_exactly(channel, _HEADER.size)
    if header is None:
        return None
    kind, length = _HEADER.unpack(header)
    payload = await _read_exactly(channel, length)
    return None if payload is None else Frame(Kind(kind), payload)


async def _read_exactly(channel: socket.socket, size: int) -> bytearray | None:
    loop = asyncio.get_running_loop()
    block = bytearray(size)
    filled = 0
    with memoryview(block) as view:
        while filled < size:
            try:
                count = await loop.sock_recv_into(channel, view[filled:])
            except ConnectionError:
                return None
            if count == 0:
                return None
            filled += count
    return block


def send_frame(
    channel: socket.socket, kind: Kind, parts: Iterable[bytes | bytearray | memoryview] = ()
) -> None:
    """Send one frame made of ``parts``; blocks while the listener does not read."""
    views = [memoryview(part).cast("B") for part in parts]
    channel.sendall(_HEADER.pack(kind, sum(view.nbytes for view in views)))
    for view in views:
        channel.sendall(view)


def send_job(channel: socket.socket, job: Job, client: socket.socket, progress: Progress) -> None:
    """Give a session, the client's socket and what its progress goes to to a waiting worker."""
    descriptors = [client.fileno(), progress.descriptor]
    socket.send_fds(channel, [json.dumps(asdict(job)).encode()], descriptors)


def send_summary(channel: socket.socket, summary: Summary) -> None:
    """Say that the session is over."""
    send_frame(channel, Kind.DONE, [json.dumps(asdict(summary)).encode()])


def read_summary(frame: Frame) -> Summary:
    """Summary in a frame of kind DONE."""
    return Summary(**json.loads(frame.payload))


def read_facts(frame: Frame) -> ScanFacts:
    """Facts in a frame of kind FACTS."""
    facts = ScanFacts(**json.loads(frame.payload))
    return replace(facts, stages=tuple(facts.stages), gadgets=tuple(facts.gadgets))


def receive_job(channel: socket.socket) -> tuple[Job, socket.socket, Progress] | None:
    """Wait for a session; ``None`` when the listener has no more."""
    text, descriptors, _, _ = socket.recv_fds(channel, _JOB_BYTES, 2)
    if not text:
        return None
    client, progress = descriptors
    return Job(**json.loads(text)), socket.socket(fileno=client), Progress(progress)
