"""A TLS connection whose records pass through memory: either side may end before the other.

A socket of Python's `ssl` says its end and looks for the peer's in one call, and takes data that
come instead for a fault: they are lost. Here what arrives is held back while the end is said.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from contextlib import suppress
from typing import Self

_RECORDS_BYTES = 1 << 16
_PIECE_BYTES = 1 << 18  # encrypted at a time


class TlsConnection:
    """One end of a TLS connection; for one thread at a time.

    Holds 256 KiB of what is to be sent, and 64 KiB of what has come, besides OpenSSL's own 32.

    Parameters
    ----------
    peer
        Connected; belongs to the connection from now on. Its time-out limits the handshake.
    context
        Certificates.
    server_side
        Whether the other one has called.
    server_hostname
        Name or address that the other one's certificate must have, where it was called.

    Raises
    ------
    ssl.SSLError
        If either side does not trust the other one, or does not speak TLS.
    OSError
        If the connection breaks, or the other one is silent for too long.
    """

    def __init__(
        self,
        peer: socket.socket,
        context: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
    ) -> None:
        self._peer = peer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self._records = memoryview(b"")
        try:
            self._shake_hands()
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; says nothing to the peer."""
        self._peer.close()

    def fileno(self) -> int:
        """Descriptor of the socket."""
        return self._peer.fileno()

    def setblocking(self, flag: bool) -> None:
        """Whether calls wait for the socket."""
        self._peer.setblocking(flag)

    def recv_into(self, piece: memoryview) -> int:
        """Receive into a buffer of 16 KiB or more; gives the number of bytes, 0 at the end.

        A connection that broke counts as ended.

        Raises
        ------
        BlockingIOError
            If nothing has come.
        ssl.SSLError
            If the peer refuses us, or breaks the protocol.
        """
        while True:
            try:
                return self._tls.read(len(piece), piece)  # type: ignore[return-value]
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                return 0
            except ssl.SSLError:
                with suppress(OSError):
                    self.flush()  # OpenSSL's word to the peer about it
                raise
            try:
                records = self._peer.recv(_RECORDS_BYTES)
            except ConnectionError:
                return 0
            if not records:
                return 0
            self._incoming.write(records)

    def send(self, piece: memoryview) -> int:
        """Take up to 256 KiB to send; gives the number of bytes.

        Raises
        ------
        BlockingIOError
            If earlier ones must go first, or the peer is to be heard first: see `blocked_by`.
        ConnectionError
            If the peer has gone.
        ssl.SSLError
            If the peer has broken the protocol.
        """
        if not self.flush():
            raise BlockingIOError
        try:
            taken = self._tls.write(piece[:_PIECE_BYTES])
        except ssl.SSLWantReadError as e:  # a server of TLS 1.2 negotiates anew
            raise BlockingIOError from e
        finally:
            self.flush()
        return taken

    @property
    def blocked_by(self) -> int:
        """What a blocked `send` waits for, as an event of `select.poll`."""
        return select.POLLOUT if self._records or self._outgoing.pending else select.POLLIN

    def tell_end(self) -> None:
        """Tell the peer that nothing more will come from here; it may send on.

        Raises
        ------
        ConnectionError
            If the peer has gone.
        """
        held = self._incoming.read()  # records behind the one that OpenSSL reads now, if any
        with suppress(ssl.SSLError):  # the peer has not ended yet, or has broken the protocol
            self._tls.unwrap()
        self._incoming.write(held)
        self.flush()

    def flush(self) -> bool:
        """Send what was taken; whether all has gone.

        Raises
        ------
        ConnectionError
            If the peer has gone.
        """
        try:
            while self._records or self._outgoing.pending:
                if not self._records:
                    self._records = memoryview(self._outgoing.read())
                self._records = self._records[self._peer.send(self._records) :]
        except BlockingIOError:
            return False
        return True

    def _shake_hands(self) -> None:
        longest_s = self._peer.gettimeout()
        until = time.monotonic() + (longest_s or 0)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
            except ssl.SSLError:
                with suppress(OSError):
                    self.flush()  # why it is refused
                raise
            else:
                self.flush()
                return
            if longest_s is not None:  # of all of it, not of each step
                self._peer.settimeout(max(until - time.monotonic(), 1e-3))
            try:
                records = self._peer.recv(_RECORDS_BYTES)
            except TimeoutError as e:
                raise TimeoutError(f"the handshake took longer than {longest_s:g} s") from e
            if not records:
                raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the peer closed during the handshake")
            self._incoming.write(records)
