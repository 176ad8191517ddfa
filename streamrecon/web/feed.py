"""Follows a running service, and passes what it says to all open pages."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from streamrecon.server.watching.watch_client import Board, UnwatchedError, connect

_log = logging.getLogger(__name__)

_PAUSE_S = 0.5
_SILENCE_S = 5.0  # a service that lives says something each second
_MESSAGE_BYTES = 1 << 19
_MOST_WAITING = 256  # events; a page that is further behind loads anew
_REMEMBERED = 64  # ended sessions


class Feed:
    """What the service says now, and those who follow it."""

    def __init__(self, storage: Path) -> None:
        self.board = Board()
        self._storage = storage
        self._heard = float("-inf")
        self._followers: set[asyncio.Queue[str]] = set()

    @property
    def is_live(self) -> bool:
        """Whether the service has said something in the last seconds."""
        return time.monotonic() - self._heard < _SILENCE_S

    async def run(self) -> None:
        """Follow the service, through its restarts, until cancelled."""
        is_lost = False
        while True:
            try:
                await self._follow()
            except (UnwatchedError, OSError, TimeoutError) as e:
                if not is_lost:
                    _log.warning("the service cannot be followed: %s", str(e) or type(e).__name__)
                is_lost = True
            else:
                is_lost = False
            self.board.service = {}
            self._pass_on({"event": "service"})
            await asyncio.sleep(_PAUSE_S)

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        with closing(connect(self._storage)) as door:
            door.setblocking(False)
            self.board.scans.clear()
            while True:
                async with asyncio.timeout(_SILENCE_S):
                    data = await loop.sock_recv(door, _MESSAGE_BYTES)
                if not data:
                    return
                self._heard = time.monotonic()
                fact = json.loads(data)
                self.board.take(fact)
                self._forget()
                self._pass_on(fact)

    def _forget(self) -> None:
        """Keep the sessions that run and the last that ended."""
        ended = [name for name, scan in self.board.scans.items() if scan.ended]
        for name in ended[:-_REMEMBERED]:
            del self.board.scans[name]

    def _pass_on(self, fact: dict[str, object]) -> None:
        text = json.dumps(fact)
        for queue in self._followers:
            if queue.full():  # a slow page: it is told to load anew
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(json.dumps({"event": "lost"}))
            queue.put_nowait(text)

    async def events(self, beat_s: float) -> AsyncIterator[str]:
        """Messages of the service as JSON from now on; an empty one where nothing came for long."""
        with self._following() as queue:
            while True:
                try:
                    async with asyncio.timeout(beat_s):
                        text = await queue.get()
                except TimeoutError:
                    text = ""
                yield text

    @property
    def followers(self) -> int:
        """How many pages follow."""
        return len(self._followers)

    @contextmanager
    def _following(self) -> Iterator[asyncio.Queue[str]]:
        queue: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self._followers.add(queue)
        try:
            yield queue
        finally:
            self._followers.discard(queue)
