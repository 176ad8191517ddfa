"""The service as a process of its own, and clients that speak to it byte by byte."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
import psutil
from narrowing import given

from streamrecon.mrd.wire.layout import ACQUISITION
from streamrecon.mrd.wire.messages import Acquisitions, ConfigText, Header, Message
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

HEADER = Header(b"<ismrmrdHeader/>")
_HERE = Path(__file__).parent
PATIENCE_S = 30.0
"""A test that waits longer than this hangs."""


class Service:
    """A running service with the toy gadgets."""

    def __init__(self, *, stderr: int | None = None, **settings: object) -> None:
        chosen = {"port": 0, "storage": None, "host": ["127.0.0.1"], **settings}
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (a pipe that nobody reads fills)
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / "toy_service.py"), json.dumps(chosen)],
            stdout=subprocess.PIPE,
            stderr=self._log if stderr is None else stderr,
            text=True,
            env=os.environ | {"PYTHONPATH": _path()},
        )
        addresses = json.loads(given(self.process.stdout).readline())
        self.port = int(addresses[0][1])
        self.addresses = addresses

    def connect(self, host: str = "127.0.0.1", **options: int) -> Client:
        return Client((host, self.port), **options)

    def talk(self, *messages: Message) -> list[Message]:
        """All that a client hears that sends these messages and waits for the end."""
        with self.connect() as client:
            client.send(*messages)
            return client.hear_all()

    def workers(self) -> list[psutil.Process]:
        """Living processes below the service, its fork server and resource tracker among them."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def close(self) -> None:
        """Let the log go."""
        self._log.close()

    def stop(self) -> tuple[int, str]:
        """End it with SIGTERM; exit code and log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=PATIENCE_S)
        self._log.seek(0)
        return self.process.returncode, self._log.read()


def _path() -> str:
    """Where the fork server looks for toys, before what it is told anyway."""
    return os.pathsep.join(filter(None, (str(_HERE), os.environ.get("PYTHONPATH"))))


@contextmanager
def service(*, stderr: int | None = None, **settings: object) -> Iterator[Service]:
    """A service that is gone afterwards, with all its processes."""
    running = Service(stderr=stderr, **settings)
    family = running.workers()
    try:
        yield running
    finally:
        family += running.workers() if running.process.poll() is None else []
        running.process.kill()
        running.process.communicate()
        running.close()
        assert all_gone(family), f"outlive the service: {list(filter(still_runs, family))}"


def all_gone(processes: list[psutil.Process]) -> bool:
    """Whether they end in time; an orphan counts as gone though nobody has collected it yet."""
    ends = time.monotonic() + PATIENCE_S
    while any(map(still_runs, processes)):
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


def still_runs(process: psutil.Process) -> bool:
    """Whether it is there and works; another process that took its number since is not it."""
    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Client:
    """A client's socket."""

    def __init__(self, address: tuple[str, int], *, receive_buffer: int = 0) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.parser = MrdParser()
        self.heard: list[Message] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *messages: Message) -> None:
        for message in messages:
            for piece in encode(message):
                self.socket.sendall(piece)

    def hear(self) -> list[Message]:
        """Next messages that come together; empty at the end."""
        while True:
            count = self.socket.recv_into(self.parser.space())
            if count == 0:
                self.parser.end()  # never half a message
                return []
            if messages := self.parser.commit(count):
                self.heard += messages
                return messages

    def hear_all(self) -> list[Message]:
        while self.hear():
            pass
        return self.heard

    def hear_bytes(self) -> bytes:
        """All bytes until the end."""
        return b"".join(iter(lambda: self.socket.recv(1 << 16), b""))


def chain(*gadgets: str, writers: str = "") -> ConfigText:
    """A chain file."""
    return ConfigText(chain_xml(*gadgets, writers=writers))


def chain_xml(*gadgets: str, writers: str = "") -> str:
    return (
        f"<configuration><version>2</version><readers/><writers>{writers}</writers>"
        f'<stream key="main">{"".join(gadgets)}</stream></configuration>'
    )


def gadget(name: str, **properties: object) -> str:
    """A gadget in a chain file."""
    inside = "".join(f'<property name="{k}" value="{v}"/>' for k, v in properties.items())
    return f"<gadget><dll/><classname>{name}</classname>{inside}</gadget>"


def lines(n: int, channels: int = 2, samples: int = 17) -> Acquisitions:
    """Lines of ones."""
    head = np.zeros(n, ACQUISITION)
    head["version"] = 1
    head["number_of_samples"] = samples
    head["active_channels"] = channels
    data = np.ones((n, channels, samples), np.complex64)
    return Acquisitions(head, data, np.zeros((n, samples, 0), np.float32))
