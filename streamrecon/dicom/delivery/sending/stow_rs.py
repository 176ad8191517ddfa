"""Sends images to a DICOMweb server by STOW-RS: some files a request, one result per image.

An image counts as sent only where the server names it as stored, in its answer or to a question
(QIDO-RS). A status of 200 with a login page, or with nothing, is no promise.

References
----------
DICOM PS3.18, 10.5 (Store Transaction), 10.6 (Search Transaction).
"""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Generator, Iterator, Sequence
from urllib.parse import urljoin, urlsplit

import httpx

from streamrecon.dicom.delivery.destinations import WebDestination
from streamrecon.dicom.delivery.journal import State
from streamrecon.dicom.delivery.sending.connection_fault import fault_of
from streamrecon.dicom.delivery.sending.outcome import (
    BrokenOffError,
    QueuedFile,
    StoreResult,
    outcome_of_status,
    try_again,
)
from streamrecon.dicom.delivery.sending.stow_answer import Named, named_in
from streamrecon.errors import DeliveryError

_FILES = 16  # of a request: 2 MB of 256 x 256 slices, which a server holds in memory
_JSON = "application/dicom+json"
_PAUSE = {401, 403, 404, 408, 429, 502, 503, 504}  # nothing is taken now, whatever the image
_SAME_REQUEST = {307, 308}
_REDIRECTIONS = 3
_NO_SEARCH = {400, 404, 405, 406, 501}
_UNREASONED = 0x0110  # a failure without a reason is a failure in processing


def send(
    destination: WebDestination, files: Sequence[QueuedFile]
) -> Generator[StoreResult, None, None]:
    """Send files over one connection; the answers of each request as it is done.

    Raises
    ------
    DeliveryError
        If the server is not reached, breaks off, or takes nothing now.
    """
    with _client(destination) as client:
        for first in range(0, len(files), _FILES):
            try:
                yield from _send_some(client, destination, files[first : first + _FILES])
            except httpx.ConnectError as e:
                raise DeliveryError(f"{destination.name}: {fault_of(e)}") from e
            except httpx.HTTPError as e:
                raise BrokenOffError(f"{destination.name}: {fault_of(e)}") from e


def check_ready(destination: WebDestination) -> None:
    """Ask whether the server is ready: a query for no study, else a store of nothing.

    A server that stores and cannot search is ready as well; one that knows no store at this path
    is not.

    Raises
    ------
    DeliveryError
        If it is not reached, lets us not in, fails, or has nothing at this path.
    """
    with _client(destination) as client:
        try:
            status = client.get(_url(destination, "/studies"), params={"limit": "1"}).status_code
            if status in _NO_SEARCH:
                status = _post(client, destination, []).status_code
        except httpx.HTTPError as e:
            raise DeliveryError(f"{destination.name}: {fault_of(e)}") from e
    if status in {404, 405}:
        raise DeliveryError(
            f"{destination.name}: HTTP status {status}, there is no DICOMweb at "
            f"{urlsplit(destination.url).path or '/'}"
        )
    if status in {401, 403} or status >= 500:
        raise DeliveryError(f"{destination.name}: answered with HTTP status {status}")


def _client(destination: WebDestination) -> httpx.Client:
    headers = {"Accept": _JSON}
    if destination.token is not None:
        headers["Authorization"] = f"Bearer {destination.token.read_text().strip()}"
    return httpx.Client(
        headers=headers,
        timeout=httpx.Timeout(destination.answer_s, connect=destination.connect_s),
        verify=ssl.create_default_context()
        if destination.tls is None
        else destination.tls.context(),
        trust_env=False,  # a proxy of the environment would see the images
    )


def _url(destination: WebDestination, path: str) -> str:
    return destination.url.rstrip("/") + path


def _send_some(
    client: httpx.Client, destination: WebDestination, files: Sequence[QueuedFile]
) -> Iterator[StoreResult]:
    """Answers for some files; a request that is too large is halved, down to one file."""
    there = [file for file in files if file.path.is_file()]
    for file in files:
        if file not in there:
            reason = "its file is gone from the spool"
            yield StoreResult(file.sop_uid, State.FAILED, None, reason)
    if not there:
        return
    answer = _post(client, destination, there)
    if answer.status_code == 413:
        yield from _halved(client, destination, there)
    elif answer.status_code in _PAUSE:
        raise DeliveryError(f"{destination.name}: answered with HTTP status {answer.status_code}")
    else:
        named = named_in(answer.content)
        for file in there:
            yield _result(client, destination, file, named.get(file.sop_uid), answer)


def _halved(
    client: httpx.Client, destination: WebDestination, files: Sequence[QueuedFile]
) -> Iterator[StoreResult]:
    if len(files) == 1:
        reason = "HTTP status 413: too large for the server"
        yield StoreResult(files[0].sop_uid, State.FAILED, None, reason)
        return
    middle = len(files) // 2
    for half in (files[:middle], files[middle:]):
        yield from _send_some(client, destination, half)


def _post(
    client: httpx.Client, destination: WebDestination, files: Sequence[QueuedFile]
) -> httpx.Response:
    """Store files; a redirection is followed as it is, and on the same host only."""
    boundary = uuid.uuid4().hex
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    body = _multipart(files, boundary)
    url = _url(destination, "/studies")
    for _ in range(1 + _REDIRECTIONS):
        answer = client.post(url, content=body, headers={"Content-Type": kind})
        if answer.status_code not in _SAME_REQUEST:
            return answer
        target = urljoin(url, answer.headers.get("Location", ""))
        if urlsplit(target)[:2] != urlsplit(url)[:2]:
            raise DeliveryError(f"{destination.name}: redirects to another host, not followed")
        url = target
    raise DeliveryError(f"{destination.name}: redirects in a circle")


def _multipart(files: Sequence[QueuedFile], boundary: str) -> bytes:
    parts = []
    for file in files:
        part = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n"
        parts += [part.encode(), file.path.read_bytes(), b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _result(
    client: httpx.Client,
    destination: WebDestination,
    file: QueuedFile,
    named: Named | None,
    answer: httpx.Response,
) -> StoreResult:
    """What became of a file: what the answer says of it, else what a search finds."""
    status = answer.status_code
    if named is not None and named.is_stored:
        return outcome_of_status(file.sop_uid, named.status or 0)
    if named is not None:
        return outcome_of_status(file.sop_uid, named.status or _UNREASONED)
    if answer.is_success and _is_found(client, destination, file.sop_uid):
        return StoreResult(file.sop_uid, State.SENT, 0)
    if answer.is_success:
        reason = f"not confirmed: HTTP status {status} does not name the image"
        return try_again(file.sop_uid, None, reason)
    reason = f"HTTP status {status}, image not named in the answer"
    if status >= 500:
        return try_again(file.sop_uid, None, reason)
    return StoreResult(file.sop_uid, State.FAILED, None, reason)


def _is_found(client: httpx.Client, destination: WebDestination, sop_uid: str) -> bool:
    """Whether a search finds the image; a server that cannot search has not said so."""
    answer = client.get(
        _url(destination, "/instances"), params={"SOPInstanceUID": sop_uid, "limit": "1"}
    )
    if answer.status_code != 200:
        return False
    try:
        facts = answer.json()
    except ValueError:
        return False
    return isinstance(facts, list) and any(
        isinstance(one, dict) and sop_uid in (one.get("00080018") or {}).get("Value", [])
        for one in facts
    )
