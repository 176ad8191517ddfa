"""Images to a DICOMweb server: STOW-RS, some files a request, each one's answer told apart.

References
----------
DICOM PS3.18, 10.5 (Store Transaction).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from streamrecon.dicom.delivery.destinations import WebDestination
from streamrecon.dicom.delivery.journal import State
from streamrecon.dicom.delivery.outcome import QueuedFile, StoreResult, outcome_of_status
from streamrecon.errors import DeliveryError

_FILES = 16  # of a request: 2 MB of 256 x 256 slices, which a server holds in memory
_JSON = "application/dicom+json"
_UID, _STORED, _FAILED = "00081155", "00081199", "00081198"
_WARNING, _REASON = "00081196", "00081197"
_LATER = {408, 413, 429, 502, 503, 504}
_BROKEN = (OSError, HTTPException)


def send(
    destination: WebDestination, parcels: Sequence[QueuedFile]
) -> Generator[StoreResult, None, None]:
    """Send files over one connection; the answers of each request as it is done.

    Raises
    ------
    DeliveryError
        If the server is not reached, breaks off, or takes nothing now.
    """
    with closing(_connection(destination)) as connection:
        for first in range(0, len(parcels), _FILES):
            try:
                yield from _send_some(connection, destination, parcels[first : first + _FILES])
            except _BROKEN as e:
                raise DeliveryError(f"{destination.name}: {_why(e)}") from e


def ask(destination: WebDestination) -> None:
    """Ask whether the server is ready: a query for no study.

    A server that stores and cannot search is ready as well.

    Raises
    ------
    DeliveryError
        If it is not reached, lets us not in, or fails.
    """
    with closing(_connection(destination)) as connection:
        try:
            connection.request(
                "GET", f"{_path(destination)}/studies?limit=1", headers=_headers(destination)
            )
            status = connection.getresponse().status
        except _BROKEN as e:
            raise DeliveryError(f"{destination.name}: {_why(e)}") from e
    if status in {401, 403} or status >= 500:
        raise DeliveryError(f"{destination.name}: answered with HTTP status {status}")


def _connection(destination: WebDestination) -> HTTPConnection:
    parts = _parts(destination)
    host, port, seconds = parts.hostname or "", parts.port, destination.answer_s
    if parts.scheme == "http":
        return HTTPConnection(host, port, timeout=seconds)
    context = None if destination.tls is None else destination.tls.context()
    return HTTPSConnection(host, port, timeout=seconds, context=context)


def _parts(destination: WebDestination) -> SplitResult:
    return urlsplit(destination.url)


def _path(destination: WebDestination) -> str:
    return _parts(destination).path.rstrip("/")


def _headers(destination: WebDestination) -> dict[str, str]:
    headers = {"Accept": _JSON}
    if destination.token is not None:
        headers["Authorization"] = f"Bearer {destination.token.read_text().strip()}"
    return headers


def _send_some(
    connection: HTTPConnection, destination: WebDestination, parcels: Sequence[QueuedFile]
) -> list[StoreResult]:
    there = [parcel for parcel in parcels if parcel.path.exists()]
    gone = [
        StoreResult(parcel.sop_uid, State.FAILED, None, "its file is gone from the spool")
        for parcel in parcels
        if parcel not in there
    ]
    if not there:
        return gone
    boundary = uuid.uuid4().hex
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    connection.request(
        "POST",
        f"{_path(destination)}/studies",
        body=_multipart(there, boundary),
        headers=_headers(destination) | {"Content-Type": kind},
    )
    answer = connection.getresponse()
    body = answer.read()
    if answer.status in _LATER or answer.status in {401, 403, 404}:
        raise DeliveryError(f"{destination.name}: answered with HTTP status {answer.status}")
    return gone + _answers(answer.status, body, there)


def _multipart(parcels: Sequence[QueuedFile], boundary: str) -> bytes:
    parts = []
    for parcel in parcels:
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n"
        parts += [head.encode(), parcel.path.read_bytes(), b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _answers(status: int, body: bytes, parcels: Sequence[QueuedFile]) -> list[StoreResult]:
    """What became of each file; where a server names none, the status counts for all."""
    found = _named(body)
    unnamed = "" if status == 200 else f"HTTP status {status}, image not named in the answer"
    state = State.FAILED if unnamed else State.SENT
    return [
        found.get(parcel.sop_uid, StoreResult(parcel.sop_uid, state, None, unnamed))
        for parcel in parcels
    ]


def _named(body: bytes) -> dict[str, StoreResult]:
    try:
        facts = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(facts, dict):
        return {}
    found = {}
    for sequence, reason in ((_STORED, _WARNING), (_FAILED, _REASON)):
        for item in facts.get(sequence, {}).get("Value", []):
            uid = str(_first(item, _UID))
            found[uid] = outcome_of_status(uid, int(str(_first(item, reason) or 0)))
    return found


def _first(item: Mapping[str, Mapping[str, Sequence[object]]], tag: str) -> object:
    values = item.get(tag, {}).get("Value", [])
    return values[0] if values else None


def _why(error: Exception) -> str:
    return f"no answer, or a broken one: {type(error).__name__}"
