"""Sends what is due to one destination, and notes its answers."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator, Sequence

from streamrecon.dicom.delivery.commitment_table import note_request, put_off
from streamrecon.dicom.delivery.destinations import AnyDestination, Commitment, Destination
from streamrecon.dicom.delivery.journal import ARRIVED, Entry, State
from streamrecon.dicom.delivery.sending.outcome import (
    BrokenOffError,
    QueuedFile,
    RefusedError,
    StoreResult,
)
from streamrecon.dicom.delivery.sending.storage_commitment import (
    Reports,
    Request,
    ask,
    new_transaction,
)
from streamrecon.dicom.delivery.sending.transport import send
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.errors import DeliveryError

_AT_ONCE = 128  # images per association: a more urgent series waits for no more than these
_FIRST_PAUSE_S = 1.0
_DOUBLINGS = 3
_LONGEST_ANSWER_S = 3600.0
_UNANSWERED = "no answer on commitment yet; one that comes later is taken"

_log = logging.getLogger(__name__)


def deliver(
    spool: Spool,
    destination: AnyDestination,
    *,
    chunk: tuple[int, int] = (0, 1),
    stopping: threading.Event | None = None,
    reports: Reports | None = None,
) -> float | None:
    """Send what is due, over one association; return when to try again.

    A pause doubles with each attempt in vain, up to the destination's longest, and a random part
    of it keeps several services from calling at once; it is remembered across restarts. After an
    attempt in vain answers may take twice as long, up to eight times, and the image that was on its
    way goes behind the others.

    Raises
    ------
    RefusedError
        If no association is granted to one of several senders; nothing is noted then.

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
    stopping = stopping or threading.Event()
    try:
        if entries:
            _send(spool, _patient(destination, attempts), entries, stopping)
        else:
            _confirm(spool, destination, unconfirmed, reports or Reports(spool.folder), stopping)
    except DeliveryError as e:
        if isinstance(e, RefusedError) and chunk[1] > 1:
            raise
        return _pause(spool, destination, attempts, e)
    finally:
        spool.made_room()
    if attempts:
        journal.set_pause(name, 0, 0.0, "")
    return 0.0


def _pause(spool: Spool, destination: AnyDestination, attempts: int, error: DeliveryError) -> float:
    """Remember that an attempt was in vain; seconds until the next."""
    pause_s = _pause_s(attempts, destination)
    due = time.time() + pause_s
    spool.journal.set_pause(destination.name, attempts + 1, due, str(error))
    _log.warning("%s; next attempt in %.0f s", error, pause_s)
    return pause_s


def _send(
    spool: Spool, destination: AnyDestination, entries: Sequence[Entry], stopping: threading.Event
) -> None:
    unanswered = {entry.sop_uid: entry for entry in _sound(spool, destination, entries)}
    if not unanswered:
        return
    answers = send(destination, _queued_files(spool, list(unanswered.values())))
    try:
        for answer in answers:
            _note(spool, destination, unanswered.pop(answer.sop_uid), answer)
            if stopping.is_set():
                return
    except BrokenOffError as e:
        entry = next(iter(unanswered.values()))
        due = time.time() + 2 * _pause_s(entry.attempts, destination)
        spool.journal.postpone(entry.number, destination.name, due, status=None, reason=str(e))
        raise
    finally:
        answers.close()


def _sound(spool: Spool, destination: AnyDestination, entries: Sequence[Entry]) -> Iterator[Entry]:
    """Images whose files are as they were written; another is lost to the destination, and logged.

    The others go on.
    """
    for entry in entries:
        damage = spool.damage(entry)
        if damage:
            answer = StoreResult(entry.sop_uid, State.FAILED, None, damage)
            _note(spool, destination, entry, answer)
        else:
            yield entry


def _patient(destination: AnyDestination, attempts: int) -> AnyDestination:
    """The destination with longer time-outs after attempts in vain."""
    longer = destination.answer_s * 2.0 ** min(attempts, _DOUBLINGS)
    return destination.model_copy(update={"answer_s": min(longer, _LONGEST_ANSWER_S)})


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


def _confirm(
    spool: Spool,
    destination: AnyDestination,
    entries: Sequence[Entry],
    reports: Reports,
    stopping: threading.Event,
) -> None:
    """Ask for images; what the archive promises to keep is done, the others are asked for later."""
    terms = _terms(destination)
    if terms is None or not isinstance(destination, Destination):
        return
    name, numbers = destination.name, [entry.number for entry in entries]
    request, reason = Request(new_transaction(), _queued_files(spool, entries)), _UNANSWERED
    with spool.journal.alone():
        note_request(spool.journal.db, request.transaction, name, numbers)
    try:
        with reports.door(destination, terms):
            ask(destination, terms, request, reports, stopping)
    except DeliveryError as e:  # asking in vain must not keep other images from being sent
        reason = str(e)
        _log.warning("%s", e)
    tries = min(entry.attempts for entry in entries)
    pause_s = min(max(terms.wait_s, _FIRST_PAUSE_S) * 2.0 ** min(tries, 12), _LONGEST_ANSWER_S)
    with spool.journal.alone():
        put_off(spool.journal.db, name, numbers, time.time() + pause_s, reason)


def _pause_s(attempts: int, destination: AnyDestination) -> float:
    longest = min(_FIRST_PAUSE_S * 2.0 ** min(attempts, 16), destination.longest_pause_s)
    return longest * random.uniform(0.5, 1.0)
