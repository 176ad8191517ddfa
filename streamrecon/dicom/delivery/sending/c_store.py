"""Sends images to a DICOM node by C-STORE: one association, one result per image.

Success is the status of the answer, never that the association stands: when the peer dies in the
middle, pynetdicom gives an empty answer on an association that still says it is established.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Generator, Sequence

from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association

from streamrecon.dicom.delivery.destinations import Destination
from streamrecon.dicom.delivery.journal import State
from streamrecon.dicom.delivery.sending.connection_fault import probe
from streamrecon.dicom.delivery.sending.outcome import (
    BrokenOffError,
    QueuedFile,
    RefusedError,
    StoreResult,
    outcome_of_status,
    shown,
)
from streamrecon.dicom.objects.mr_images import IMPLEMENTATION_NAME
from streamrecon.dicom.objects.uids import IMPLEMENTATION
from streamrecon.errors import DeliveryError

VERIFICATION = "1.2.840.10008.1.1"
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]

# Its failures are logged here once, without tracebacks (they hold sockets) or data sets.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
_config.STORE_SEND_CHUNKED_DATASET = True  # bytes of a file go out as they are, undecoded


def send(
    destination: Destination, files: Sequence[QueuedFile]
) -> Generator[StoreResult, None, None]:
    """Send files over one association; an answer for each, as it comes.

    Raises
    ------
    RefusedError, BrokenOffError, DeliveryError
        If no association comes about, or it breaks; what was not answered is to be sent again.
    """
    association = associate(destination, sorted({file.sop_class for file in files}))
    try:
        for file in files:
            yield _send_one(association, destination, file)
        association.release()
    finally:
        if association.is_established:
            association.abort()


def echo(destination: Destination) -> None:
    """Ask whether the destination is ready (C-ECHO).

    Raises
    ------
    DeliveryError
        If it is not, saying why.
    """
    association = associate(destination, [VERIFICATION])
    try:
        status = association.send_c_echo().get("Status")
        association.release()
    finally:
        if association.is_established:
            association.abort()
    if status != 0:
        raise DeliveryError(f"{destination.name}: answered C-ECHO with {shown(status)}")


def associate(
    destination: Destination,
    classes: Sequence[str],
    handlers: Sequence[tuple[evt.EventType, Callable[[evt.Event], object]]] = (),
) -> Association:
    """Open an association for some kinds of object.

    Raises
    ------
    DeliveryError
        If none comes about, saying why.
    """
    entity = AE(ae_title=destination.calling)
    entity.implementation_class_uid = IMPLEMENTATION
    entity.implementation_version_name = IMPLEMENTATION_NAME
    entity.connection_timeout = destination.connect_s
    entity.acse_timeout = destination.associate_s
    entity.dimse_timeout = entity.network_timeout = destination.answer_s
    for sop_class in classes:
        entity.add_requested_context(sop_class, SYNTAXES)
    secured = None if destination.tls is None else (destination.tls.context(), destination.host)
    association = entity.associate(
        destination.host,
        destination.port,
        ae_title=destination.called,
        evt_handlers=[(evt.EVT_CONN_OPEN, send_at_once), *handlers],
        tls_args=secured,
    )
    if not association.is_established:
        error = RefusedError if association.is_rejected else DeliveryError
        raise error(f"{destination.name}: {_refusal(association, destination)}")
    return association


def send_at_once(event: evt.Event) -> None:
    """Without this Nagle's algorithm waits for a delayed ACK with every image: 40 ms and more."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _refusal(association: Association, destination: Destination) -> str:
    if association.is_rejected:
        answer = association.acceptor.primitive
        return f"association rejected: {answer.result_str}, {answer.reason_str}"
    if association.rejected_contexts and not association.accepted_contexts:
        return "none of the kinds of object offered is taken"
    host, port, seconds = destination.host, destination.port, destination.connect_s
    context = None if destination.tls is None else destination.tls.context()
    why = probe(host, port, seconds=seconds, context=context)
    return why or "no association: the host takes the connection, and then does not answer"


def _send_one(association: Association, destination: Destination, file: QueuedFile) -> StoreResult:
    accepted = {c.abstract_syntax: c.transfer_syntax[0] for c in association.accepted_contexts}
    syntax = accepted.get(file.sop_class)
    if syntax is None:
        reason = "no presentation context for this kind of object"
        return StoreResult(file.sop_uid, State.REFUSED, None, reason)
    if not file.path.exists():
        return StoreResult(file.sop_uid, State.FAILED, None, "its file is gone from the spool")
    # A file's bytes are explicit; for a peer that knows only implicit they are written anew.
    offered = file.path if syntax == ExplicitVRLittleEndian else dcmread(file.path)
    try:
        answer = association.send_c_store(offered)
    except RuntimeError as e:
        raise BrokenOffError(f"{destination.name}: the association broke") from e
    if "Status" not in answer:
        limit = f"{destination.answer_s:g} s"
        raise BrokenOffError(f"{destination.name}: no answer within {limit}, or it broke off")
    return outcome_of_status(file.sop_uid, int(answer.Status))
