"""Asks an archive to commit to the images it was sent: storage commitment, push model.

The archive answers over the association that asked, or over one of its own, within seconds or after
hours. Which images were asked for in which transaction stands in the journal, so that an answer is
taken whenever it comes, also after a restart.

References
----------
DICOM PS3.4, Annex J.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from streamrecon.dicom.delivery.commitment_table import take_report
from streamrecon.dicom.delivery.destinations import Commitment, Destination
from streamrecon.dicom.delivery.journal import Journal
from streamrecon.dicom.delivery.sending.c_store import SYNTAXES, associate
from streamrecon.dicom.delivery.sending.outcome import QueuedFile, shown
from streamrecon.dicom.objects.uids import IMPLEMENTATION, uid_of
from streamrecon.errors import DeliveryError

PUSH_MODEL = "1.2.840.10008.1.20.1"
_PUSH_INSTANCE = "1.2.840.10008.1.20.1.1"
_REQUEST = 1  # the only action of the service
_PROCESSING_FAILURE = 0x0110  # the archive may report again
_LOOK_S = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A question, whether the archive keeps some images."""

    transaction: str
    files: Sequence[QueuedFile]


def new_transaction() -> str:
    """UID of a request."""
    return uid_of("commitment", uuid.uuid4().hex)


class Reports:
    """Takes the reports of archives into the journal of a spool, from any thread.

    Parameters
    ----------
    folder
        The spool.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._heard: set[str] = set()
        self._open: set[tuple[str, int]] = set()

    def hear(self, event: evt.Event) -> tuple[int, None]:
        """Take a report (N-EVENT-REPORT); one on a request that is not known changes nothing."""
        report = event.event_information
        transaction = str(report.get("TransactionUID", ""))
        kept = _uids(report.get("ReferencedSOPSequence"))
        lost = _uids(report.get("FailedSOPSequence"))
        try:
            with closing(Journal(self._folder / "journal.sqlite3")) as journal, journal.alone():
                count = take_report(journal.db, transaction, kept, lost)
        except sqlite3.Error as e:
            _log.error("a report on commitment is not taken: %s", e)
            return _PROCESSING_FAILURE, None
        _log.info("a report on commitment: %d kept, %d lost, %d ours", len(kept), len(lost), count)
        self._heard.add(transaction)
        return 0, None

    def wait_for(self, transaction: str, seconds: float, stopping: threading.Event) -> bool:
        """Whether the report on a request comes in time."""
        end = time.monotonic() + seconds
        while transaction not in self._heard:
            if time.monotonic() >= end or stopping.wait(_LOOK_S):
                return False
        self._heard.discard(transaction)
        return True

    @contextmanager
    def door(self, destination: Destination, terms: Commitment) -> Iterator[None]:
        """Let archives call back until the block ends; a door that is open already serves.

        Raises
        ------
        DeliveryError
            If the address cannot be listened on.
        """
        place = terms.host, terms.port
        if place in self._open:
            yield
            return
        entity = AE(ae_title=destination.calling)
        entity.implementation_class_uid = IMPLEMENTATION
        entity.add_supported_context(PUSH_MODEL, SYNTAXES, scu_role=False, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self.hear)]
        try:
            server = entity.start_server(place, block=False, evt_handlers=handlers)
        except OSError as e:
            reason = f"cannot listen on {terms.host} port {terms.port}: {e.strerror}"
            raise DeliveryError(f"{destination.name}: {reason}") from e
        self._open.add(place)
        try:
            yield
        finally:
            self._open.discard(place)
            server.shutdown()


def ask(
    destination: Destination,
    terms: Commitment,
    request: Request,
    reports: Reports,
    stopping: threading.Event,
) -> bool:
    """Ask for a promise, and whether it was answered while the association was kept for it.

    Raises
    ------
    DeliveryError
        If it cannot be asked.
    """
    handlers = [(evt.EVT_N_EVENT_REPORT, reports.hear)]
    association = associate(destination, [PUSH_MODEL], handlers)
    try:
        answer, _ = association.send_n_action(
            _dataset(request), _REQUEST, PUSH_MODEL, _PUSH_INSTANCE
        )
        status = answer.get("Status")
        if status != 0:
            raise DeliveryError(f"{destination.name}: commitment answered with {shown(status)}")
        is_answered = reports.wait_for(request.transaction, terms.wait_s, stopping)
        association.release()
    finally:
        if association.is_established:
            association.abort()
    return is_answered


def _uids(items: Sequence[Dataset] | None) -> frozenset[str]:
    return frozenset(str(item.get("ReferencedSOPInstanceUID", "")) for item in items or ())


def _dataset(request: Request) -> Dataset:
    dataset = Dataset()
    dataset.TransactionUID = request.transaction
    dataset.ReferencedSOPSequence = [_reference(file) for file in request.files]
    return dataset


def _reference(file: QueuedFile) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = file.sop_class
    item.ReferencedSOPInstanceUID = file.sop_uid
    return item
