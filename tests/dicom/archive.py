"""A DICOM archive for tests, on loopback, that misbehaves on request."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pynetdicom import AE, evt

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
VERIFICATION = "1.2.840.10008.1.1"


class Archive:
    """Counts what it is given; ``answer`` says the status of the n-th request (from 0).

    An answer of ``None`` breaks the association off instead.
    """

    def __init__(self, answer: Callable[[int], int | None] = lambda _: 0) -> None:
        self.stored: Counter[str] = Counter()
        self.order: list[str] = []
        self.bytes: dict[str, bytes] = {}
        self.requests = 0
        self.arrived = threading.Condition()
        self._answer = answer

    def wait_for(self, count: int, seconds: float = 20.0) -> bool:
        """Whether so many different images are there in time."""
        with self.arrived:
            return self.arrived.wait_for(lambda: len(self.stored) >= count, seconds)

    def store(self, event: evt.Event) -> int:
        """Take one image."""
        with self.arrived:
            status = self._answer(self.requests)
            self.requests += 1
            if status is None:
                event.assoc.abort()
                return 0xC000
            if status == 0 or status >> 12 == 0xB:
                uid = str(event.request.AffectedSOPInstanceUID)
                self.stored[uid] += 1
                self.order.append(uid)
                self.bytes[uid] = event.encoded_dataset()
            self.arrived.notify_all()
        return status


def free_port() -> int:
    """A port of loopback that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


@contextmanager
def listening(
    archive: Archive,
    *,
    port: int = 0,
    syntaxes: list[str] | None = None,
    classes: tuple[str] = (MR_IMAGE,),
    title: str = "ARC",
    tls: ssl.SSLContext | None = None,
) -> Iterator[int]:
    """Serve until the block ends; give the port."""
    entity = AE(ae_title=title)
    entity.require_called_aet = True
    for sop_class in (*classes, VERIFICATION):
        entity.add_supported_context(sop_class, syntaxes or ["1.2.840.10008.1.2.1"])
    handlers = [
        (evt.EVT_C_STORE, archive.store),
        (evt.EVT_CONN_OPEN, _no_delay),
    ]
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=handlers, ssl_context=tls
    )
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


def _no_delay(event: evt.Event) -> None:
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
