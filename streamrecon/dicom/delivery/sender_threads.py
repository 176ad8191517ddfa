"""Threads that empty the spool: some for each destination, so that none waits for another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from streamrecon.dicom.delivery.destinations import AnyDestination
from streamrecon.dicom.delivery.send_due import deliver
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.delivery.wakeup import WakeupPipe
from streamrecon.storage.durable_files import Lock

_FIRST_PAUSE_S = 1.0
_log = logging.getLogger(__name__)


class Sender:
    """Delivers what is in a spool until told to stop.

    Every destination has its own threads, associations and pauses.

    Raises
    ------
    ConfigError
        If another sender is at work on this spool.
    """

    def __init__(self, folder: Path, destinations: Sequence[AnyDestination]) -> None:
        self._folder = folder
        self._stopping = threading.Event()
        with Spool(folder):  # repaired once, before the threads look
            pass
        self._lock = Lock(folder / "sender.lock")
        shares = [
            (destination, (k, destination.associations))
            for destination in destinations
            for k in range(destination.associations)
        ]
        self._bells = [WakeupPipe(folder / "bells" / f"{d.name}-{share[0]}") for d, share in shares]
        self._threads = [
            threading.Thread(target=self._serve, args=(*share, bell), name=f"send-{share[0].name}")
            for share, bell in zip(shares, self._bells, strict=True)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End after the images that are on their way."""
        self._stopping.set()
        for bell in self._bells:
            bell.ring()
        for thread in self._threads:
            thread.join()
        for bell in self._bells:
            bell.close()
        self._lock.release()

    def _serve(self, destination: AnyDestination, share: tuple[int, int], bell: WakeupPipe) -> None:
        """Deliver until told to stop; what ends a visit is told, and the next visit made."""
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                with Spool(self._folder) as spool:
                    spool.journal.relax()
                    while not self._stopping.is_set():
                        seconds = deliver(spool, destination, share=share, stopping=self._stopping)
                        pause_s = _FIRST_PAUSE_S
                        if seconds != 0:
                            bell.wait(seconds)
            except Exception:  # noqa: BLE001  (the edge of a thread: no file, no peer ends it)
                _log.exception("%s: delivery stumbled; again in %.0f s", destination.name, pause_s)
                bell.wait(pause_s)
                pause_s = min(2 * pause_s, destination.longest_pause_s)
