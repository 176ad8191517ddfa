"""Tells other programs of the operator what happens to scans, over a socket of the machine.

Each message is one JSON object and arrives whole or not at all. Nobody is waited for: what a
watcher has no room for is dropped, and it is told how much. All of a session is in every message
about it, so that one that was lost costs nothing but time.

| event | when | holds |
|---|---|---|
| ``service`` | at once, then each second | workers, totals, version |
| ``session`` | at its header, its end, four times a second between | the record without notices |
| ``notice`` | as it comes | the text |
| ``all`` | after what there was when the watcher came | nothing |
| ``lost`` | when there is room again | how many were dropped |
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from streamrecon.errors import ConfigError
from streamrecon.server.watching.scan_events import ScanEvents
from streamrecon.server.watching.scan_record import ScanRecord
from streamrecon.storage.durable_files import Lock

_log = logging.getLogger(__name__)

NAME = "watch.sock"
_TICK_S = 0.25  # what an eye takes for moving
_TICKS_OF_SERVICE = 4
_MOST_WATCHERS = 16
_PAUSE_S = 1.0
_ROOM_BYTES = 1 << 19


@dataclass(slots=True, eq=False)
class _Watcher:
    socket: socket.socket
    lost: int = 0


class WatchSocket:
    """The socket in the storage, and who listens at it.

    Only the service's own user may connect. Costs nothing while nobody does. A second service on
    the same storage is not watched, and says so.

    Parameters
    ----------
    storage
        Folder of the socket; ``None``: there is none.
    events
        What happens.
    service
        Facts on the service itself, for JSON.
    """

    def __init__(
        self,
        storage: Path | None,
        events: ScanEvents,
        service: Callable[[], Mapping[str, object]],
    ) -> None:
        self._storage = storage
        self._events = events
        self._service = service
        self._watchers: set[_Watcher] = set()
        self._anybody = asyncio.Event()

    def tell(self, scan: ScanRecord, notice: str) -> None:
        """Tell all watchers of a session, or of its new notice."""
        if not self._watchers:
            return
        if notice:
            self._send({"event": "notice", "session": scan.session, "text": notice})
        else:
            self._send(_session(scan))

    async def run(self) -> None:
        """Take watchers until cancelled."""
        try:
            door, lock = _bound(self._storage)
        except (OSError, ConfigError) as e:
            _log.warning("the service cannot be watched: %s", e)
            return
        if door is None:
            return
        ticking = asyncio.create_task(self._tick())
        try:
            with door:
                await self._accept(door)
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            for watcher in self._watchers:
                watcher.socket.close()
            self._watchers.clear()
            if lock is not None:
                lock.release()

    async def _accept(self, door: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                visitor, _ = await loop.sock_accept(door)
            except OSError as e:  # no descriptors
                _log.error("watch socket: %s", e)
                await asyncio.sleep(_PAUSE_S)
                continue
            visitor.setblocking(False)
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM_BYTES)
            if len(self._watchers) < _MOST_WATCHERS and self._greeted(visitor):
                self._watchers.add(_Watcher(visitor))
                self._anybody.set()
            else:
                visitor.close()

    def _greeted(self, visitor: socket.socket) -> bool:
        """Tell one who comes all that there is; the notices only if there is room for them."""
        for notices in (True, False):
            try:
                for fact in self._all(notices=notices):
                    visitor.send(_encoded(fact))
            except BlockingIOError:
                continue
            except OSError:
                return False
            return True
        return False

    def _all(self, *, notices: bool) -> list[Mapping[str, object]]:
        for scan in self._events.running.values():
            scan.refresh()
        scans = [*self._events.recent, *(scan.record for scan in self._events.running.values())]
        known = [_session(scan, notices=notices) for scan in scans if scan.is_known]
        return [self._state(), *known, {"event": "all"}]

    def _state(self) -> Mapping[str, object]:
        return {"event": "service", **self._service()}

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await self._anybody.wait()
            for scan in list(self._events.running.values()):
                scan.refresh()
                if scan.record.is_known:
                    self._send(_session(scan.record))
            ticks += 1
            if ticks % _TICKS_OF_SERVICE == 0:
                self._send(self._state())
            await asyncio.sleep(_TICK_S)

    def _send(self, fact: Mapping[str, object]) -> None:
        data = _encoded(fact)
        for watcher in list(self._watchers):
            try:
                if watcher.lost:
                    watcher.socket.send(_encoded({"event": "lost", "count": watcher.lost}))
                    watcher.lost = 0
                watcher.socket.send(data)
            except BlockingIOError:
                watcher.lost += 1
            except OSError:
                self._watchers.discard(watcher)
                watcher.socket.close()
        if not self._watchers:
            self._anybody.clear()


def _session(scan: ScanRecord, *, notices: bool = False) -> dict[str, object]:
    return {"event": "session", **scan.as_facts(notices=notices)}


def _encoded(fact: Mapping[str, object]) -> bytes:
    return json.dumps(fact).encode()


def _bound(storage: Path | None) -> tuple[socket.socket | None, Lock | None]:
    """The listening socket, for its owner alone; what an earlier service left is replaced."""
    if storage is None:
        return None, None
    storage.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = Lock(storage / f"{NAME}.lock")
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        (storage / NAME).unlink(missing_ok=True)
        with short_path(storage) as folder:
            before = os.umask(0o177)
            try:
                door.bind(f"{folder}/{NAME}")
            finally:
                os.umask(before)
        door.listen(_MOST_WATCHERS)
        door.setblocking(False)
    except OSError:
        door.close()
        lock.release()
        raise
    return door, lock


class short_path:  # noqa: N801  (a context manager, used as a function)
    """A path of the folder that fits into a socket's address, which has 107 bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> str:
        self._descriptor = os.open(self._folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._descriptor}"

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            os.close(self._descriptor)
