"""Empties the spool in threads of each destination, so that none waits for another."""

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
    """Delivers the images of a spool until it is stopped.

    Every destination has its own threads, associations and pauses.

    Raises
    ------
    HeldError
        If another sender is at work on this spool.
    """

    def __init__(self, folder: Path, destinations: Sequence[AnyDestination]) -> None:
        self._folder = folder
        self._stopping = threading.Event()
        with Spool(folder):  # repaired once, before the threads look
            pass
        self._lock = Lock(folder / "sender.lock")
        chunks = [
            (destination, (k, destination.associations))
            for destination in destinations
            for k in range(destination.associations)
        ]
        self._wakeups = [
            WakeupPipe(folder / "bells" / f"{d.name}-{chunk[0]}") for d, chunk in chunks
        ]
        self._threads = [
            threading.Thread(
                target=self._serve, args=(*chunk, wakeup), name=f"send-{chunk[0].name}"
            )
            for chunk, wakeup in zip(chunks, self._wakeups, strict=True)
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
        for wakeup in self._wakeups:
            wakeup.notify()
        for thread in self._threads:
            thread.join()
        for wakeup in self._wakeups:
            wakeup.close()
        self._lock.release()

    def _serve(
        self, destination: AnyDestination, chunk: tuple[int, int], wakeup: WakeupPipe
    ) -> None:
        """Deliver until stopped; a failure is logged and followed by another attempt."""
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                with Spool(self._folder) as spool:
                    spool.journal.relax()
                    while not self._stopping.is_set():
                        seconds = deliver(spool, destination, chunk=chunk, stopping=self._stopping)
                        pause_s = _FIRST_PAUSE_S
                        if seconds != 0:
                            wakeup.wait(seconds)
            except Exception:  # noqa: BLE001  (the edge of a thread: no file, no peer ends it)
                _log.exception("%s: delivery stumbled; again in %.0f s", destination.name, pause_s)
                wakeup.wait(pause_s)
                pause_s = min(2 * pause_s, destination.longest_pause_s)
