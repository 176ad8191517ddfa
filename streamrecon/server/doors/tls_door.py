"""Takes TLS off the connections of clients, so that listener and workers see plain sockets."""

from __future__ import annotations

import logging
import socket
import ssl
from contextlib import suppress
from threading import Thread

from streamrecon.network.tls_connection import TlsConnection
from streamrecon.network.tls_files import server_context
from streamrecon.network.tls_relay import loopback_pair, relay
from streamrecon.server.settings import Settings

_log = logging.getLogger(__name__)

_HANDSHAKE_S = 10.0


class TlsDoor:
    """Gives a plain socket for each connection; a thread of its own relays between the two.

    A worker cannot do it: it reads while the listener writes, and a TLS session is for one
    process. Who fails the handshake looks like one who came and left.

    Parameters
    ----------
    context
        Certificates of the service and of those who may come.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._open: dict[Thread, socket.socket] = {}

    def behind(self, client: socket.socket, address: str) -> socket.socket:
        """The plain end of a relay to a client, which belongs to the relay from now on."""
        ours, inner = loopback_pair()
        client.setblocking(True)
        handle = client.dup()  # to end it from here: the thread wraps the other one
        thread = Thread(target=self._serve, args=(client, handle, ours, address), name="tls")
        self._open = {each: end for each, end in self._open.items() if each.is_alive()}
        self._open[thread] = handle
        thread.start()
        return inner

    def close(self) -> None:
        """End all relays, and wait for their threads."""
        for thread, handle in self._open.items():
            with suppress(OSError):  # it has ended already
                handle.shutdown(socket.SHUT_RDWR)
            thread.join()
        self._open.clear()

    def _serve(
        self, client: socket.socket, handle: socket.socket, ours: socket.socket, address: str
    ) -> None:
        with ours, handle:
            try:
                client.settimeout(_HANDSHAKE_S)
                with TlsConnection(client, self._context, server_side=True) as secure:
                    relay(secure, ours)
            except OSError as error:  # an error of TLS is one
                _log.warning("%s: no TLS: %s", address, error)


def tls_door(settings: Settings) -> TlsDoor | None:
    """The door that the settings ask for.

    Raises
    ------
    ConfigError
        If a file of theirs has a fault.
    """
    if settings.tls_certificate is None:
        return None
    return TlsDoor(
        server_context(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    )
