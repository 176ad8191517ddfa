"""Asks an archive to commit to the images it was sent: storage commitment, push model.

The archive answers over the association that asked, or over one of its own.

References
----------
DICOM PS3.4, Annex J.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence

from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from streamrecon.dicom.delivery.c_store import SYNTAXES, associate
from streamrecon.dicom.delivery.destinations import Commitment, Destination
from streamrecon.dicom.delivery.outcome import QueuedFile, shown
from streamrecon.dicom.objects.uids import IMPLEMENTATION, uid_of
from streamrecon.errors import DeliveryError

PUSH_MODEL = "1.2.840.10008.1.20.1"
_PUSH_INSTANCE = "1.2.840.10008.1.20.1.1"
_REQUEST = 1  # the only action of the service


class _Promise:
    """The answer of the archive to one transaction, over either association."""

    def __init__(self) -> None:
        self.transaction = uid_of("commitment", uuid.uuid4().hex)
        self.kept: frozenset[str] = frozenset()
        self.answered = threading.Event()

    def hear(self, event: evt.Event) -> tuple[int, None]:
        """Take the report, N-EVENT-REPORT."""
        report = event.event_information
        if report.get("TransactionUID") == self.transaction:
            items = report.get("ReferencedSOPSequence") or []
            self.kept = frozenset(str(item.ReferencedSOPInstanceUID) for item in items)
            self.answered.set()
        return 0, None


def committed(
    destination: Destination, terms: Commitment, files: Sequence[QueuedFile]
) -> frozenset[str]:
    """UIDs of those images that the archive promises to keep.

    Raises
    ------
    DeliveryError
        If it cannot be asked, or does not answer in time.
    """
    promise = _Promise()
    handlers = [(evt.EVT_N_EVENT_REPORT, promise.hear)]
    entity = AE(ae_title=destination.calling)
    entity.implementation_class_uid = IMPLEMENTATION
    entity.add_supported_context(PUSH_MODEL, SYNTAXES, scu_role=False, scp_role=True)
    try:
        door = entity.start_server((terms.host, terms.port), block=False, evt_handlers=handlers)
    except OSError as e:
        reason = f"cannot listen on {terms.host} port {terms.port}: {e.strerror}"
        raise DeliveryError(f"{destination.name}: {reason}") from e
    try:
        _ask(destination, terms, files, promise)
    finally:
        door.shutdown()
    return promise.kept


def _ask(
    destination: Destination, terms: Commitment, files: Sequence[QueuedFile], promise: _Promise
) -> None:
    handlers = [(evt.EVT_N_EVENT_REPORT, promise.hear)]
    association = associate(destination, [PUSH_MODEL], handlers)
    try:
        answer, _ = association.send_n_action(
            _request(promise.transaction, files), _REQUEST, PUSH_MODEL, _PUSH_INSTANCE
        )
        status = answer.get("Status")
        if status != 0:
            raise DeliveryError(f"{destination.name}: commitment answered with {shown(status)}")
        if not promise.answered.wait(terms.wait_s):
            limit = f"{terms.wait_s:g} s"
            raise DeliveryError(f"{destination.name}: no answer on commitment within {limit}")
        association.release()
    finally:
        if association.is_established:
            association.abort()


def _request(transaction: str, files: Sequence[QueuedFile]) -> Dataset:
    request = Dataset()
    request.TransactionUID = transaction
    request.ReferencedSOPSequence = [_reference(file) for file in files]
    return request


def _reference(file: QueuedFile) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = file.sop_class
    item.ReferencedSOPInstanceUID = file.sop_uid
    return item
