"""Threads that empty the spool: some for each destination, so that none waits for another."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from streamrecon.dicom.bell import Bell
from streamrecon.dicom.destinations import Destination
from streamrecon.dicom.journal import Entry, State
from streamrecon.dicom.spool import Spool
from streamrecon.dicom.store import Answer, Parcel, send
from streamrecon.errors import DeliveryError

_AT_ONCE = 128  # images per association: a more urgent series waits for no more than these
_FIRST_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


class Sender:
    """Delivers what is in a spool until told to stop.

    Every destination has its own threads, associations and pauses. A pause doubles with each
    attempt in vain, up to the destination's longest, and a random part of it keeps several
    services from calling at once; it is remembered across restarts.
    """

    def __init__(self, folder: Path, destinations: Sequence[Destination]) -> None:
        self._folder = folder
        self._stopping = threading.Event()
        with Spool(folder):  # repaired once, before the threads look
            pass
        shares = [
            (destination, (k, destination.associations))
            for destination in destinations
            for k in range(destination.associations)
        ]
        self._bells = [Bell(folder / "bells" / f"{d.name}-{share[0]}") for d, share in shares]
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

    def _serve(self, destination: Destination, share: tuple[int, int], bell: Bell) -> None:
        with Spool(self._folder) as spool:
            spool.journal.relax()
            while not self._stopping.is_set():
                seconds = deliver(spool, destination, share=share, stopping=self._stopping)
                if seconds != 0:
                    bell.wait(seconds)


def deliver(
    spool: Spool,
    destination: Destination,
    *,
    share: tuple[int, int] = (0, 1),
    stopping: threading.Event | None = None,
) -> float | None:
    """Send what is due, over one association; say when to come again.

    Returns
    -------
    Seconds until there may be more to do: 0 where more is due, ``None`` where nothing waits.
    """
    journal, name, now = spool.journal, destination.name, time.time()
    attempts, due = journal.pause(name)
    if due > now:
        return due - now
    entries = journal.due(name, now, limit=_AT_ONCE, share=share)
    if not entries:
        next_due = journal.next_due(name)
        return None if next_due is None else max(0.05, next_due - now)
    try:
        _send(spool, destination, entries, stopping or threading.Event())
    except DeliveryError as e:
        pause_s = _pause_s(attempts, destination)
        journal.set_pause(name, attempts + 1, time.time() + pause_s, str(e))
        _log.warning("%s; next attempt in %.0f s", e, pause_s)
        return pause_s
    if attempts:
        journal.set_pause(name, 0, 0.0, "")
    return 0.0


def _send(
    spool: Spool, destination: Destination, entries: Sequence[Entry], stopping: threading.Event
) -> None:
    by_uid = {entry.sop_uid: entry for entry in entries}
    parcels = [Parcel(entry.sop_uid, entry.sop_class, spool.path(entry)) for entry in entries]
    answers = send(destination, parcels)
    try:
        for answer in answers:
            _note(spool, destination, by_uid[answer.sop_uid], answer)
            if stopping.is_set():
                return
    finally:
        answers.close()


def _note(spool: Spool, destination: Destination, entry: Entry, answer: Answer) -> None:
    journal, name = spool.journal, destination.name
    if answer.state is State.WAITING:
        due = time.time() + _pause_s(entry.attempts, destination)
        journal.postpone(entry.number, name, due, status=answer.status, reason=answer.reason)
    else:
        journal.settle(entry.number, name, answer.state, status=answer.status, reason=answer.reason)
    if answer.reason:
        _log.warning("%s: one image %s: %s", name, answer.state.value, answer.reason)


def _pause_s(attempts: int, destination: Destination) -> float:
    longest = min(_FIRST_PAUSE_S * 2.0 ** min(attempts, 16), destination.longest_pause_s)
    return longest * random.uniform(0.5, 1.0)
