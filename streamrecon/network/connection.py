"""Connects to a server, encrypted where that is wanted; who speaks over it has a plain socket."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from streamrecon.errors import DeliveryError, TruncatedStream
from streamrecon.network.tls_connection import TlsConnection
from streamrecon.network.tls_relay import loopback_pair, relay

CONNECT_S = 10.0  # a server on a hospital network answers in milliseconds


@contextmanager
def connection(host: str, port: int, server: str) -> Iterator[socket.socket]:
    """Connect; the socket is closed with the block.

    Parameters
    ----------
    host, port
        Where to.
    server
        The server's name in messages.

    Raises
    ------
    DeliveryError
        If nobody listens there.
    """
    try:
        peer = socket.create_connection((host, port), timeout=CONNECT_S)
    except ConnectionRefusedError as e:
        raise DeliveryError(
            f"{server}: nobody listens there; start `streamrecon serve`, or name a server with --to"
        ) from e
    except OSError as e:
        raise DeliveryError(f"{server}: cannot connect: {e.strerror or e}") from e
    with peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield peer


@contextmanager
def encrypted(
    peer: socket.socket, context: ssl.SSLContext, host: str, server: str
) -> Iterator[socket.socket]:
    """Do the handshake over a connection, then relay in a thread until the block is left.

    Parameters
    ----------
    peer
        Connected, with a timeout.
    context
        Certificates.
    host
        Name or address that the server's certificate must have.
    server
        The server's name in messages.

    Raises
    ------
    DeliveryError
        If either side does not trust the other one, or does not speak TLS.
    """
    handle = peer.dup()  # to end it from here: the relay's thread owns the other one
    with handle:
        try:
            secure = TlsConnection(peer, context, server_hostname=host)
        except OSError as e:  # an error of TLS is one
            raise DeliveryError(f"{server}: no TLS: {e}") from e
        ours, plain = loopback_pair()
        faults: list[ssl.SSLError] = []
        thread = Thread(target=_relay, args=(secure, ours, faults), name="tls")
        thread.start()
        try:
            yield plain
        except TruncatedStream as e:
            if faults:  # a server of TLS 1.3 refuses a client after its handshake
                raise DeliveryError(f"{server}: TLS ended: {faults[0]}") from e
            raise
        finally:
            plain.close()
            with suppress(OSError):  # it has ended already
                handle.shutdown(socket.SHUT_RDWR)
            thread.join()


def _relay(secure: TlsConnection, ours: socket.socket, faults: list[ssl.SSLError]) -> None:
    with ours, secure:
        try:
            relay(secure, ours)
        except ssl.SSLError as error:
            faults.append(error)
