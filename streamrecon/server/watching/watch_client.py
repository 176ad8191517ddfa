"""Reads what a running service tells those who watch it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from streamrecon.errors import StreamReconError
from streamrecon.server.watching.scan_record import ScanRecord
from streamrecon.server.watching.watch_socket import NAME, short_path

_MESSAGE_BYTES = 1 << 19
_PATIENCE_S = 5.0


class UnwatchedError(StreamReconError):
    """No service is watched there."""

    code = "busy"


@dataclass(slots=True)
class Board:
    """What a service has said of itself and of its sessions."""

    service: dict[str, object] = field(default_factory=dict)
    scans: dict[str, ScanRecord] = field(default_factory=dict)

    def take(self, fact: dict[str, object]) -> None:
        """Take one message of the service."""
        match fact:
            case {"event": "service"}:
                self.service = {k: v for k, v in fact.items() if k != "event"}
            case {"event": "session", "session": str(session)}:
                scan = ScanRecord.of_facts({k: v for k, v in fact.items() if k != "event"})
                if "notices" not in fact and session in self.scans:
                    scan.notices = self.scans[session].notices
                self.scans[session] = scan
            case {"event": "notice", "session": str(session), "text": str(text)}:
                if session in self.scans:
                    self.scans[session].take_notice(text)


def connect(storage: Path, patience_s: float | None = _PATIENCE_S) -> socket.socket:
    """A connection to the service that has its state in ``storage``.

    Raises
    ------
    UnwatchedError
        If there is none.
    """
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        door.settimeout(patience_s)
        with short_path(storage) as folder:
            door.connect(f"{folder}/{NAME}")
    except OSError as e:
        door.close()
        raise UnwatchedError(f"no service runs with the storage {storage}: {e.strerror}") from e
    return door


def received(door: socket.socket) -> Iterator[dict[str, object]]:
    """Messages as they come, until the service ends.

    Raises
    ------
    UnwatchedError
        If it says nothing for longer than the socket's time-out.
    """
    try:
        while data := door.recv(_MESSAGE_BYTES):
            yield json.loads(data)
    except TimeoutError as e:
        raise UnwatchedError("the service does not answer") from e
    except ConnectionError:
        return


def board_of(storage: Path) -> Board:
    """What a service says now.

    Raises
    ------
    UnwatchedError
        If none runs there, or it does not answer.
    """
    board = Board()
    with closing(connect(storage)) as door:
        for fact in received(door):
            if fact.get("event") == "all":
                return board
            board.take(fact)
    raise UnwatchedError("the service ended while it was asked")
