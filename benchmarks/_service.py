"""A service under test, and clients that cost next to nothing."""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from streamrecon.mrd.wire.messages import Close, ConfigFile, ConfigText, Image, Text
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

_PIECE = 1 << 24
_LOADED_BYTES = 90 << 20  # a worker with its libraries; the other helpers are smaller


@dataclass
class Run:
    """Times of one scan [s] from its first byte, and what came back: images by their quantity."""

    sent_s: float
    came: list[tuple[float, str]]
    client_cpu_s: float
    texts: list[str]

    @property
    def images(self) -> int:
        """How many images came."""
        return len(self.came)

    @property
    def last_image_s(self) -> float:
        """When the last image came [s]."""
        return self.came[-1][0] if self.came else float("nan")

    @property
    def left_s(self) -> float:
        """From the last line to the last image [s]."""
        return self.last_image_s - self.sent_s


@dataclass
class Service:
    """A running `streamrecon serve`."""

    port: int
    process: psutil.Process

    def wait_warm(self, workers: int) -> None:
        """Until so many workers are idle: their threads run, their processor rests."""
        deadline = time.monotonic() + 300
        before: dict[int, float] = {}
        while time.monotonic() < deadline:
            spent = self.spent_s()
            rested = [pid for pid, cpu_s in spent.items() if cpu_s - before.get(pid, -1.0) < 0.05]
            if len(rested) >= workers:
                return
            before = spent
            time.sleep(1.0)
        raise TimeoutError("no warm worker")

    def spent_s(self) -> dict[int, float]:
        """Processor time of each worker that has loaded its kernels [s], by process id."""
        return dict(_spent(self.process))


def _spent(service: psutil.Process) -> Iterator[tuple[int, float]]:
    for process in service.children(recursive=True):
        try:
            is_worker = process.ppid() != service.pid  # but a child of the server that forks
            if is_worker and process.memory_info().rss > _LOADED_BYTES:
                yield process.pid, sum(process.cpu_times()[:2])
        except psutil.Error:
            continue


@contextmanager
def serving(storage: Path, *, workers: int = 1, tree: Path | None = None) -> Iterator[Service]:
    """Start a service, of this checkout or of another tree, on a free port; stop it by its pid."""
    command = [sys.executable, "-m", "streamrecon", "serve", "--port", "0"]
    command += ["--storage", str(storage), "--warm-workers", str(workers), "--log-level", "ERROR"]
    env = os.environ | ({} if tree is None else python_path(tree))
    # the folder where Python starts comes before the variable
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=tree) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if found is None:
                raise RuntimeError(f"service: found {line!r}, needed its port")
            yield Service(int(found.group(1)), psutil.Process(process.pid))
        finally:
            process.terminate()


def python_path(tree: Path) -> dict[str, str]:
    """The variable that has Python load the packages of a tree."""
    return {"PYTHONPATH": os.pathsep.join(map(str, (tree, tree / "gadgets", tree / "simulator")))}


def send_stream(
    port: int,
    stream: Path,
    *,
    seconds: float = 0.0,
    chain: str = "gre_recon",
    on_image: Callable[[], object] = lambda: None,
) -> Run:
    """Send a stream file as a client would, at full speed or spread over ``seconds``.

    ``chain`` is the name of a chain file that the service has, or a chain file in full;
    ``on_image`` is called, in another thread, when an image has come.
    """
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        came: list[tuple[float, str]] = []
        texts: list[str] = []
        reader = threading.Thread(target=_read, args=(peer, came, texts, on_image))
        reader.start()
        cpu, start = _cpu(), time.perf_counter()
        peer.sendall(b"".join(encode(ConfigText(chain) if "<" in chain else ConfigFile(chain))))
        _send_file(peer, stream, seconds)
        sent = time.perf_counter() - start
        reader.join()
        return Run(sent, [(at - start, kind) for at, kind in came], _cpu() - cpu, texts)


def _send_file(peer: socket.socket, stream: Path, seconds: float) -> None:
    size, start = stream.stat().st_size, time.perf_counter()
    piece = _PIECE if not seconds else max(1, size // 2000)
    with stream.open("rb") as file:
        sent = 0
        while sent < size:
            sent += os.sendfile(peer.fileno(), file.fileno(), sent, min(piece, size - sent))
            if seconds:
                time.sleep(max(0.0, start + seconds * sent / size - time.perf_counter()))


def _read(
    peer: socket.socket,
    came: list[tuple[float, str]],
    texts: list[str],
    on_image: Callable[[], object],
) -> None:
    parser = MrdParser()
    while n := peer.recv_into(parser.space()):
        for message in parser.commit(n):
            match message:
                case Image():
                    kind = message.meta.get("STREAMRECON_Quantity", ("",))[0]
                    came.append((time.perf_counter(), kind))
                    on_image()
                case Text():
                    texts.append(message.text)
                case Close():
                    return


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class MemoryPeak:
    """Peak of the memory that a service's processes hold for themselves, sampled [bytes]."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.worker = self.service = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            held = []
            for process in [self._service.process, *self._service.process.children(recursive=True)]:
                try:
                    held.append(process.memory_full_info().uss)
                except psutil.Error:
                    continue
            self.worker = max(self.worker, *held)
            self.service = max(self.service, sum(held))
