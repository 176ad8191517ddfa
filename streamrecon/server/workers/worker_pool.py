"""Starts and warms workers before clients connect, one for each session."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from streamrecon.errors import StreamReconError
from streamrecon.server.sessions.error_report import BusyError
from streamrecon.server.settings import Settings
from streamrecon.server.workers.worker import Equip, work
from streamrecon.server.workers.worker_channel import Kind, read_frame

_WORDS = "streamrecon.server.workers.fork_server_words"
_log = logging.getLogger(__name__)

_GRACE_S = 5.0  # a worker that has said DONE still joins its threads and frees its memory
_ATTEMPTS = 3  # a worker that fails this often before the first client comes will always fail
_LONGEST_PAUSE_S = 10.0
_DESCRIPTORS = 12  # more than a launch opens


@dataclass(frozen=True, slots=True, eq=False)
class Worker:
    """One worker process, and the listener's end of its channel."""

    process: ForkServerProcess
    channel: socket.socket

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self.process.pid or 0

    def kill(self) -> None:
        """End it at once; its channel then says that it is gone."""
        self.process.kill()

    async def gone(self, grace_s: float = _GRACE_S) -> int | None:
        """Wait until it has ended, kill it when that takes too long; its exit code."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.process.sentinel, ended.set)
        try:
            async with asyncio.timeout(grace_s):
                await ended.wait()
        except TimeoutError:
            self.kill()
            await ended.wait()
        except asyncio.CancelledError:
            self.kill()
            raise
        finally:
            loop.remove_reader(self.process.sentinel)
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        return code


class Pool:
    """Keeps workers warm, and hands each out once.

    A worker serves one session and ends, so that its memory returns to the machine. While a scan
    runs only one idle worker is kept, because warming up takes a processor from it; the others
    are replaced when it has ended. An idle worker that ends is replaced at once. A launch that
    fails, for whatever reason, is tried again after a pause that grows to ten seconds, for ever.

    Parameters
    ----------
    settings
        How many, and how long a client waits for one.
    equip
        What a worker calls to get its gadgets; importable by name in a new process.
    preload
        Modules the fork server imports once for all workers.
    """

    def __init__(self, settings: Settings, equip: Equip, preload: Sequence[str] = ()) -> None:
        self._settings = settings
        self._equip = equip
        # A fork of this process would copy locks held by its threads; the fork server has none.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([_WORDS, *preload])
        self._ready: deque[Worker] = deque()
        self._is_ready = asyncio.Condition()
        self._ending: set[asyncio.Task[None]] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(settings.sessions)
        self._scans = 0
        self._failures = 0
        self._closed = False

    async def fill(self) -> None:
        """Start the idle workers; return when the first is warm.

        Raises
        ------
        StreamReconError
            If none becomes warm.
        """
        self._refill(self._settings.warm_workers)
        while not self._ready:
            if self._failures >= _ATTEMPTS:
                raise StreamReconError("no worker became ready; the log says why")
            await asyncio.wait(self._starting, return_when=asyncio.FIRST_COMPLETED)

    @property
    def is_full(self) -> bool:
        """Whether every place is taken."""
        return self._places.locked()

    @property
    def idle(self) -> int:
        """Workers that are warm and wait for a scan."""
        return len(self._ready)

    async def take(self) -> Worker:
        """Take a warm worker for one session, when a place is free.

        Raises
        ------
        BusyError
            If there is no place or no worker: at once or after the longest wait, as the settings
            say.
        """
        if self._places.locked() and self._settings.when_full == "refuse":
            raise BusyError(f"{self._settings.sessions} scans are running, which is the limit")
        try:
            async with asyncio.timeout(self._settings.wait_s):
                await self._places.acquire()
                self._scans += 1
                return await self._living_worker()
        except TimeoutError as error:
            raise BusyError(f"no place became free in {self._settings.wait_s:g} s") from error

    async def _living_worker(self) -> Worker:
        try:
            while True:
                async with self._is_ready:
                    await self._is_ready.wait_for(lambda: bool(self._ready))
                    worker = self._ready.popleft()
                asyncio.get_running_loop().remove_reader(worker.channel)
                self._refill(1)
                if _lives(worker):
                    return worker
                await self._bury(worker)
        except BaseException:
            self._leave_place()
            raise

    def _leave_place(self) -> None:
        self._scans -= 1
        self._places.release()

    async def give_back(self, worker: Worker, grace_s: float = _GRACE_S) -> int | None:
        """Wait for a worker's end, which is hastened if it takes long; return its exit code."""
        worker.channel.close()
        try:
            return await worker.gone(grace_s)
        finally:
            self._leave_place()
            self._refill(self._settings.warm_workers)

    def renew(self, settings: Settings) -> None:
        """Replace idle workers by ones with these settings; those with a scan keep theirs."""
        self._settings = settings
        for task in self._starting:
            task.cancel()
        self._ending |= self._starting
        self._starting = set()
        while self._ready:
            worker = self._ready.popleft()
            asyncio.get_running_loop().remove_reader(worker.channel)
            self._ending.add(asyncio.create_task(_ended(worker)))
        self._refill(1 if self._scans else settings.warm_workers)

    async def close(self) -> None:
        """End all idle workers, warm or not yet; start no more."""
        self._closed = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, *self._ending, return_exceptions=True)
        while self._ready:
            worker = self._ready.popleft()
            asyncio.get_running_loop().remove_reader(worker.channel)
            await _end(worker)

    def _refill(self, wanted: int) -> None:
        for _ in range(wanted - len(self._ready) - len(self._starting)):
            self._start_one(pause_s=0.0)

    def _start_one(self, *, pause_s: float) -> None:
        if self._closed:
            return
        task = asyncio.create_task(self._warm_one(pause_s))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _warm_one(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        try:
            worker = self._launch()
        except Exception as error:  # noqa: BLE001  (descriptors, memory, a fork server that is gone)
            self._failed(f"a worker cannot be started: {type(error).__name__} {error}")
            return
        try:
            async with asyncio.timeout(self._settings.warm_s):
                frame = await read_frame(worker.channel)
        except TimeoutError:
            frame = None
        except asyncio.CancelledError:
            await _end(worker)
            raise
        if frame is not None and frame.kind is Kind.READY:
            self._failures = 0
            async with self._is_ready:
                self._ready.append(worker)
                asyncio.get_running_loop().add_reader(worker.channel, self._lose, worker)
                self._is_ready.notify()
            return
        self._failed(f"a worker ended in its warm-up, exit code {await _end(worker)}")

    def _failed(self, what: str) -> None:
        self._failures += 1
        pause_s = pause_after(self._failures)
        _log.error("%s; again in %g s", what, pause_s)
        self._start_one(pause_s=pause_s)

    def _lose(self, worker: Worker) -> None:
        """Replace an idle worker: its channel says something, and only its end can be said."""
        asyncio.get_running_loop().remove_reader(worker.channel)
        self._ready.remove(worker)
        self._refill(1 if self._scans else self._settings.warm_workers)
        task = asyncio.create_task(self._bury(worker))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _bury(self, worker: Worker) -> None:
        _log.error("an idle worker was lost, exit code %s", await _end(worker))

    def _launch(self) -> Worker:
        _assert_descriptors()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = self._context.Process(
                    target=work,
                    args=(theirs, self._settings, self._equip),
                    name="streamrecon-worker",
                )
                process.start()
            ours.setblocking(False)
        except BaseException:
            ours.close()
            raise
        return Worker(process, ours)


def pause_after(failures: int) -> float:
    """Seconds until the next attempt after so many failures on end.

    >>> [pause_after(n) for n in (1, 2, 3, 4, 5, 100_000)]
    [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    """
    return min(0.5 * 2.0 ** min(failures - 1, 16), _LONGEST_PAUSE_S)


def _assert_descriptors() -> None:
    """Fail before `multiprocessing` does, which keeps the descriptors it had until then."""
    with ExitStack() as probes:
        for _ in range(_DESCRIPTORS):
            probes.enter_context(Path(os.devnull).open("rb"))


def _lives(worker: Worker) -> bool:
    """Whether an idle worker, which says nothing, still holds its end of the channel."""
    try:
        worker.channel.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


async def _ended(worker: Worker) -> None:
    await _end(worker)


async def _end(worker: Worker) -> int | None:
    worker.kill()
    worker.channel.close()
    return await worker.gone()
