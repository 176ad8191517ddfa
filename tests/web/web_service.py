"""A service with toy gadgets and its console page, and a program that speaks to the page."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))
from toy_client import PATIENCE_S, Service, service


@dataclass(frozen=True)
class Page:
    """A page that answers."""

    running: Service
    storage: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return (self.storage / "web-token").read_text().strip()

    def stranger(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    def program(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S)

    def raw(self, request: bytes) -> bytes:
        """What the page answers to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as plain:
            try:
                plain.sendall(request)
                return b"".join(iter(lambda: plain.recv(1 << 16), b""))
            except (ConnectionError, BrokenPipeError):
                return b""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def page(storage: Path, **settings: Any) -> Iterator[Page]:
    """A service with a page, both up."""
    port = free_port()
    chosen = {"storage": str(storage), "web": f"127.0.0.1:{port}", **settings}
    with service(**chosen) as running:
        found = Page(running, storage, port)
        with found.stranger() as client:
            wait_for(lambda: is_up(client))
        yield found


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def wait_for(happens: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < ends, happens
        time.sleep(0.05)
