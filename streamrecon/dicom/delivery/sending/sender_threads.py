"""Empties the spool in threads of each destination, so that none waits for another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from streamrecon.dicom.delivery.destinations import AnyDestination, Destination
from streamrecon.dicom.delivery.journal_repair import is_damaged, set_aside
from streamrecon.dicom.delivery.sending.lanes import Lanes
from streamrecon.dicom.delivery.sending.outcome import RefusedError
from streamrecon.dicom.delivery.sending.send_due import deliver
from streamrecon.dicom.delivery.sending.storage_commitment import Reports
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.delivery.spool_repair import JOURNAL, check_journal
from streamrecon.dicom.delivery.wakeup import WakeupPipe, notify_all
from streamrecon.errors import DeliveryError
from streamrecon.storage.durable_files import Lock

_FIRST_PAUSE_S = 1.0
_REST_S = 60.0  # of a thread that is granted no association
_log = logging.getLogger(__name__)


class Sender:
    """Delivers the images of a spool until it is stopped.

    Every destination has its own threads, associations and pauses. One that refuses an association
    is asked for fewer. Reports on commitment are taken all the while.

    Raises
    ------
    HeldError
        If another sender is at work on this spool.
    """

    def __init__(self, folder: Path, destinations: Sequence[AnyDestination]) -> None:
        self._folder = folder
        self._stopping = threading.Event()
        check_journal(folder)
        with Spool(folder):  # repaired once, before the threads look
            pass
        self._lock = Lock(folder / "sender.lock")
        self._reports = Reports(folder)
        self._wakeups: list[WakeupPipe] = []
        self._threads: list[threading.Thread] = []
        for destination in destinations:
            lanes = Lanes(destination.associations)
            for lane in range(destination.associations):
                wakeup = WakeupPipe(folder / "bells" / f"{destination.name}-{lane}")
                thread = threading.Thread(
                    target=self._serve,
                    args=(destination, lanes, lane, wakeup),
                    name=f"send-{destination.name}",
                    daemon=True,  # `stop` waits for it; a process that must end does not
                )
                self._wakeups.append(wakeup)
                self._threads.append(thread)

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
        self, destination: AnyDestination, lanes: Lanes, lane: int, wakeup: WakeupPipe
    ) -> None:
        """Deliver until stopped; a failure is logged and followed by another attempt."""
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            try:
                with Spool(self._folder) as spool, self._door(destination, lane):
                    spool.journal.relax()
                    while not self._stopping.is_set():
                        seconds = self._deliver(spool, destination, lanes, lane)
                        pause_s = _FIRST_PAUSE_S
                        if seconds != 0:
                            wakeup.wait(seconds)
            except Exception as e:  # noqa: BLE001  (the edge of a thread: no file, no peer ends it)
                _log.exception("%s: delivery stumbled; again in %.0f s", destination.name, pause_s)
                if is_damaged(e):
                    set_aside(self._folder / JOURNAL)
                wakeup.wait(pause_s)
                pause_s = min(2 * pause_s, destination.longest_pause_s)

    def _deliver(
        self, spool: Spool, destination: AnyDestination, lanes: Lanes, lane: int
    ) -> float | None:
        """One visit; seconds until the next."""
        chunk = lanes.chunk(lane)
        if chunk is None:
            return _REST_S
        try:
            return deliver(
                spool, destination, chunk=chunk, stopping=self._stopping, reports=self._reports
            )
        except RefusedError as e:
            lanes.narrow()
            _log.warning("%s; fewer associations from now on", e)
            notify_all(self._folder / "bells")  # the others have its images to send
            return 0.0

    @contextmanager
    def _door(self, destination: AnyDestination, lane: int) -> Iterator[None]:
        """Let the archive report on commitment; without the door it is asked all the same."""
        terms = destination.commitment if isinstance(destination, Destination) else None
        with ExitStack() as opened:
            if isinstance(destination, Destination) and terms is not None and lane == 0:
                try:
                    opened.enter_context(self._reports.door(destination, terms))
                except DeliveryError as e:
                    _log.error("%s", e)
            yield
