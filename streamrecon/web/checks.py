"""Keeps the answers of all checks fresh, so that who asks for them waits for none."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from streamrecon.server.health import readiness
from streamrecon.server.health.readiness import Check
from streamrecon.server.settings import Settings
from streamrecon.web.feed import Feed

_log = logging.getLogger(__name__)

_NOT_YET = Check("not checked yet")
_DISK_S = 10.0
_ARCHIVES_S = 30.0  # a connection to somebody else's archive


class Checks:
    """The last answers; those that take time are asked for beside."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        self._settings = settings
        self._feed = feed
        self._slow: dict[str, Check] = dict.fromkeys(("disk", "spool", "archives"), _NOT_YET)

    @property
    def answers(self) -> dict[str, Check]:
        """Every check with its last answer."""
        service = self._feed.board.service if self._feed.is_live else {}
        workers = readiness.check_workers(service)
        return {"workers": workers, **self._slow, "clock": readiness.check_clock()}

    async def run(self) -> None:
        """Ask again and again until cancelled; an archive that hangs delays no other check."""
        await asyncio.gather(
            self._repeat("disk", readiness.check_disk, _DISK_S),
            self._repeat("spool", readiness.check_spool, _DISK_S),
            self._repeat("archives", readiness.check_archives, _ARCHIVES_S),
        )

    async def _repeat(self, name: str, ask: Callable[[Settings], Check], pause_s: float) -> None:
        while True:
            began = time.monotonic()
            try:
                answer = await asyncio.to_thread(ask, self._settings)
            except Exception as e:  # noqa: BLE001  (a check that fails is an answer)
                answer = Check(f"cannot be checked: {type(e).__name__} {e}")
            if answer.fault != self._slow[name].fault and answer.fault:
                _log.warning("%s: %s", name, answer.fault)
            self._slow[name] = answer
            await asyncio.sleep(max(pause_s, pause_s - (time.monotonic() - began)))
