"""Explains why a connection failed, and what to mend."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator

_WRONG_NAME = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED


def fault_of(error: BaseException) -> str:
    """What an error of a connection means, found along the chain of its causes.

    >>> fault_of(ConnectionRefusedError())
    'connection refused: nothing listens there'
    """
    for cause in _chain(error):
        for kind, words in _FAULTS:
            if isinstance(cause, kind):
                return words(cause)
    return f"no answer, or a broken one: {type(error).__name__}"


def probe(host: str, port: int, *, seconds: float, context: ssl.SSLContext | None = None) -> str:
    """Connect once more, only to learn why it fails; an empty text where it does not.

    For protocols whose library keeps the reason to itself.
    """
    try:
        with socket.create_connection((host, port), seconds) as plain:
            if context is not None:
                context.wrap_socket(plain, server_hostname=host).close()
    except OSError as e:
        return fault_of(e)
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def _certificate(error: BaseException) -> str:
    code = getattr(error, "verify_code", None)
    if code in _WRONG_NAME:
        return "TLS: the certificate is for another name"
    if code == _EXPIRED:
        return "TLS: the certificate has expired"
    message = getattr(error, "verify_message", "")
    return f"TLS: the certificate's authority is not trusted ({message})"


def _handshake(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or "handshake failed"
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return "TLS: the peer does not speak it there"
    return f"TLS: {reason}"


_FAULTS: tuple[tuple[type[BaseException], Callable[[BaseException], str]], ...] = (
    (ssl.SSLCertVerificationError, _certificate),
    (ssl.SSLError, _handshake),
    (ConnectionRefusedError, lambda _: "connection refused: nothing listens there"),
    (socket.gaierror, lambda _: "name not known: no such host"),
    (TimeoutError, lambda _: "no answer within the time given"),
    (ConnectionError, lambda e: f"the connection broke: {type(e).__name__}"),
)
"""What to say of an error; the narrower kinds come first."""
