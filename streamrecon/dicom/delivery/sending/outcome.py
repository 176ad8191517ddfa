"""A file for a destination, the destination's answer, and what a DICOM status means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streamrecon.dicom.delivery.journal import State
from streamrecon.errors import DeliveryError


class RefusedError(DeliveryError):
    """The destination is there, and grants no association now."""


class BrokenOffError(DeliveryError):
    """The connection broke, or no answer came in time, while an image was on its way."""


@dataclass(frozen=True, slots=True)
class QueuedFile:
    """One file to be sent."""

    sop_uid: str
    sop_class: str
    path: Path


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The answer of a destination to one image.

    Parameters
    ----------
    sop_uid
        The image.
    state
        `State.WAITING` asks for another try later.
    status
        DICOM status, ``None`` where the image was not even offered.
    reason
        Text for the operator; no patient data.
    is_limited
        Whether another try later is worth only some attempts: the destination may be busy, or may
        never take this image.
    """

    sop_uid: str
    state: State
    status: int | None
    reason: str = ""
    is_limited: bool = False


_STORED_BEFORE = 0x0111
_MAY_PASS = {0x0110, 0x0213}  # failure in processing, resource limitation
_NOT_SUPPORTED = 0x0122


def outcome_of_status(sop_uid: str, status: int) -> StoreResult:
    """Status by the ranges of the storage service, which STOW-RS shares.

    References
    ----------
    DICOM PS3.4, Table B.2-1; PS3.7, Annex C; PS3.18, 10.5.
    """
    if status in {0, _STORED_BEFORE}:
        return StoreResult(sop_uid, State.SENT, status)
    if status >> 12 == 0xB or status in {0x0001, 0x0107, 0x0116}:
        return StoreResult(sop_uid, State.WARNED, status, f"warning {shown(status)}")
    if status >> 8 == 0xA7:
        return StoreResult(sop_uid, State.WAITING, status, f"out of resources {shown(status)}")
    if status in _MAY_PASS or status >> 12 == 0xC:
        return try_again(sop_uid, status, f"failure {shown(status)}")
    if status == _NOT_SUPPORTED:
        return StoreResult(sop_uid, State.REFUSED, status, "SOP class not supported 0x0122")
    return StoreResult(sop_uid, State.FAILED, status, f"failure {shown(status)}")


def try_again(sop_uid: str, status: int | None, reason: str) -> StoreResult:
    """An image that may be taken at another attempt, or never."""
    return StoreResult(sop_uid, State.WAITING, status, reason, is_limited=True)


def shown(status: int | None) -> str:
    """The status as DICOM's tables print it."""
    return "nothing" if status is None else f"0x{status:04X}"
