"""Sends what is due to one destination, and notes its answers."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence

from streamrecon.dicom.delivery.destinations import AnyDestination, Commitment, Destination
from streamrecon.dicom.delivery.journal import ARRIVED, Entry, State
from streamrecon.dicom.delivery.outcome import QueuedFile, StoreResult
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.delivery.storage_commitment import committed
from streamrecon.dicom.delivery.transport import send
from streamrecon.errors import DeliveryError

_AT_ONCE = 128  # images per association: a more urgent series waits for no more than these
_FIRST_PAUSE_S = 1.0
_UNPROMISED = "the archive does not promise to keep it"

_log = logging.getLogger(__name__)


def deliver(
    spool: Spool,
    destination: AnyDestination,
    *,
    chunk: tuple[int, int] = (0, 1),
    stopping: threading.Event | None = None,
) -> float | None:
    """Send what is due, over one association; return when to try again.

    A pause doubles with each attempt in vain, up to the destination's longest, and a random part
    of it keeps several services from calling at once; it is remembered across restarts.

    Returns
    -------
    Seconds until there may be more to do: 0 where more is due, ``None`` where nothing waits.
    """
    journal, name, now = spool.journal, destination.name, time.time()
    attempts, due = journal.pause(name)
    if due > now:  # a clock that was set back must not make the pause longer than it can be
        return min(due - now, destination.longest_pause_s)
    entries = journal.due(name, now, limit=_AT_ONCE, chunk=chunk)
    unconfirmed = [] if entries else _to_confirm(spool, destination, now, chunk)
    if not entries and not unconfirmed:
        next_due = journal.next_due(name)
        return None if next_due is None else max(0.05, next_due - now)
    try:
        if entries:
            _send(spool, destination, entries, stopping or threading.Event())
        else:
            _confirm(spool, destination, unconfirmed)
    except DeliveryError as e:
        pause_s = _pause_s(attempts, destination)
        journal.set_pause(name, attempts + 1, time.time() + pause_s, str(e))
        _log.warning("%s; next attempt in %.0f s", e, pause_s)
        return pause_s
    finally:
        spool.made_room()
    if attempts:
        journal.set_pause(name, 0, 0.0, "")
    return 0.0


def _send(
    spool: Spool, destination: AnyDestination, entries: Sequence[Entry], stopping: threading.Event
) -> None:
    by_uid = {entry.sop_uid: entry for entry in entries}
    sound = []
    for entry in entries:
        damage = spool.damage(entry)
        if damage:  # this image is lost to the destination, and logged; the others go on
            answer = StoreResult(entry.sop_uid, State.FAILED, None, damage)
            _note(spool, destination, entry, answer)
        else:
            sound.append(entry)
    if not sound:
        return
    answers = send(destination, _queued_files(spool, sound))
    try:
        for answer in answers:
            _note(spool, destination, by_uid[answer.sop_uid], answer)
            if stopping.is_set():
                return
    finally:
        answers.close()


def _queued_files(spool: Spool, entries: Sequence[Entry]) -> list[QueuedFile]:
    return [QueuedFile(entry.sop_uid, entry.sop_class, spool.path(entry)) for entry in entries]


def _note(spool: Spool, destination: AnyDestination, entry: Entry, answer: StoreResult) -> None:
    journal, name, state = spool.journal, destination.name, answer.state
    if state in ARRIVED and _terms(destination) is not None:
        state = State.UNCONFIRMED
    tried = entry.attempts + 1
    if state is State.WAITING and answer.is_limited and tried >= destination.attempts:
        reason = f"{answer.reason}, after {tried} attempts"
        journal.settle(entry.number, name, State.FAILED, status=answer.status, reason=reason)
    elif state is State.WAITING:
        due = time.time() + _pause_s(entry.attempts, destination)
        journal.postpone(entry.number, name, due, status=answer.status, reason=answer.reason)
    else:
        journal.settle(entry.number, name, state, status=answer.status, reason=answer.reason)
    if answer.reason:
        _log.warning("%s: one image %s: %s", name, answer.state.value, answer.reason)


def _terms(destination: AnyDestination) -> Commitment | None:
    return destination.commitment if isinstance(destination, Destination) else None


def _to_confirm(
    spool: Spool, destination: AnyDestination, now: float, chunk: tuple[int, int]
) -> list[Entry]:
    """Images to ask for, once nothing waits to be sent; one thread asks for all."""
    if _terms(destination) is None or chunk[0] != 0:
        return []
    return spool.journal.due(destination.name, now, limit=_AT_ONCE, state=State.UNCONFIRMED)


def _confirm(spool: Spool, destination: AnyDestination, entries: Sequence[Entry]) -> None:
    """Images that the archive promises to keep are done; the others are sent again, later."""
    terms = _terms(destination)
    if terms is None or not isinstance(destination, Destination):
        return
    journal, name = spool.journal, destination.name
    try:
        kept = committed(destination, terms, _queued_files(spool, entries))
    except DeliveryError as e:  # asking in vain must not keep other images from being sent
        for entry in entries:
            due = time.time() + _pause_s(entry.attempts, destination)
            journal.postpone(entry.number, name, due, status=None, reason=str(e))
        _log.warning("%s", e)
        return
    for entry in entries:
        if entry.sop_uid in kept:
            journal.settle(entry.number, name, State.SENT, status=0, reason="")
        else:
            journal.settle(entry.number, name, State.WAITING, status=None, reason=_UNPROMISED)
            due = time.time() + _pause_s(entry.attempts, destination)
            journal.postpone(entry.number, name, due, status=None, reason=_UNPROMISED)


def _pause_s(attempts: int, destination: AnyDestination) -> float:
    longest = min(_FIRST_PAUSE_S * 2.0 ** min(attempts, 16), destination.longest_pause_s)
    return longest * random.uniform(0.5, 1.0)
