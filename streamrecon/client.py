"""A scan to any MRD server, images back."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from threading import Event

from streamrecon.errors import ConfigError, DeliveryError, TruncatedStream
from streamrecon.model.notice import Level, Notice
from streamrecon.model.observer import Observer
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece
from streamrecon.mrd.wire.log_text import notice_of
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    ConfigText,
    DicomFile,
    Header,
    Image,
    Message,
    Text,
)
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode
from streamrecon.network.connection import connection, encrypted

DEFAULT_PORT = 9002
IDLE_S = 600.0  # silence within a scan: longer than any reconstruction that is waited for
_PIECES = 256  # of one system call; Linux takes 1,024 at most


@dataclass(frozen=True, slots=True)
class Server:
    """Where an MRD server listens.

    Parameters
    ----------
    host
        Name or address.
    port
        TCP port.
    idle_s
        Longest silence [s] before the server is given up.
    tls
        What the server is checked by, and shown; ``None``: nothing is encrypted.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    idle_s: float = IDLE_S
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, *, idle_s: float = IDLE_S) -> Server:
        """Read ``host``, ``host:port`` or ``[v6]:port``.

        >>> Server.parse("[::1]:9003")
        Server(host='::1', port=9003, idle_s=600.0)

        Raises
        ------
        ConfigError
            If it is none of these.
        """
        found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?", text)
        port = int(found[3] or DEFAULT_PORT) if found else 0
        if not found or not 0 < port < 65536:
            raise ConfigError(f"server: found {text!r}, needed HOST or HOST:PORT")
        return cls(found[1] or found[2], port, idle_s)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """What came back.

    Parameters
    ----------
    images
        All images, in the order they came.
    files
        All DICOM files.
    notices
        Everything the server said.
    complete
        Whether the server took the whole scan, ended with CLOSE and told no error.
    """

    images: tuple[Image, ...]
    files: tuple[DicomFile, ...]
    notices: tuple[Notice, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Request:
    """How the server is asked.

    Parameters
    ----------
    config
        A chain the server knows by name, or a chain file in full.
    dialect
        Gadgetron's, or FIRE's.
    parameters
        Values of gadget parameters; FIRE only.

    Raises
    ------
    ConfigError
        If there are parameters that the dialect cannot carry.
    """

    config: ConfigFile | ConfigText
    dialect: Dialect = Dialect.GADGETRON
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.parameters and self.dialect is not Dialect.FIRE:
            raise ConfigError("parameters: only the fire dialect carries them (--dialect fire)")

    def messages(self, scan: Iterable[Message]) -> Iterator[Message]:
        """All that is sent, from config to CLOSE."""
        yield self.config
        for message in scan:
            yield message
            if isinstance(message, Header) and self.parameters:
                content = {"version": "1.1.0", "parameters": dict(self.parameters)}
                yield Text(json.dumps(content))
        yield Close()


def send(scan: Iterable[Message], server: Server, request: Request, watch: Observer) -> Reply:
    """Send a scan and receive what the server makes of it, both at once.

    Parameters
    ----------
    scan
        Header first, then data; config and CLOSE are added.
    server
        Where to.
    request
        What with.
    watch
        Is told of every line, image and notice.

    Raises
    ------
    DeliveryError
        If nobody listens there, or the server is silent for too long.
    TruncatedStream
        If it goes without CLOSE.
    ProtocolError
        If it breaks the grammar, or the scan's file does.
    """
    with connected(server) as peer, ThreadPoolExecutor(max_workers=1) as pool:
        conversation = _Conversation(peer, server, watch)
        listening = pool.submit(conversation.listen)
        try:
            sent_all = conversation.speak(request.messages(scan), request.dialect)
            listening.result()
        except BaseException:
            conversation.hang_up()  # wakes the thread that listens
            raise
        return conversation.reply(sent_all=sent_all)


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    """Connect, with the server's patience as the socket's timeout.

    Raises
    ------
    DeliveryError
        If nobody listens there, or TLS comes to nothing.
    """
    with connection(server.host, server.port, str(server)) as peer:
        if server.tls is None:
            peer.settimeout(server.idle_s)
            yield peer
            return
        with encrypted(peer, server.tls, server.host, str(server)) as plain:
            plain.settimeout(server.idle_s)
            yield plain


class _Conversation:
    """One connection: `speak` in one thread, `listen` in another."""

    def __init__(self, peer: socket.socket, server: Server, watch: Observer) -> None:
        self._peer = peer
        self._server = server
        self._watch = watch
        self._ended = Event()  # the server said CLOSE, or has gone
        self._sent = 0  # bytes
        self._images: list[Image] = []
        self._files: list[DicomFile] = []
        self._notices: list[Notice] = []

    def reply(self, *, sent_all: bool) -> Reply:
        """What came back, when both have ended."""
        failed = any(notice.level is Level.ERROR for notice in self._notices)
        return Reply(
            tuple(self._images),
            tuple(self._files),
            tuple(self._notices),
            complete=sent_all and not failed,
        )

    def speak(self, messages: Iterable[Message], dialect: Dialect) -> bool:
        """Send until the end, or until the server has ended; whether all went out."""
        for message in messages:
            before = self._sent
            if not self._send(encode(message, dialect)):
                return False
            lines = len(message) if isinstance(message, Acquisitions) else 0
            self._watch.sent(lines, self._sent - before)
        return True

    def _send(self, pieces: Sequence[Piece]) -> bool:
        waiting = deque(memoryview(piece) for piece in pieces)
        while waiting:
            if self._ended.is_set():
                return False
            try:
                n = self._peer.sendmsg(list(islice(waiting, _PIECES)))
            except TimeoutError as e:
                raise self._silence("took nothing") from e
            except OSError:  # it has gone: what it said before is the listener's business
                return False
            self._sent += n
            while waiting and n >= len(waiting[0]):
                n -= len(waiting.popleft())
            if n:
                waiting[0] = waiting[0][n:]
        return True

    def listen(self) -> None:
        """Receive up to CLOSE."""
        parser = MrdParser()
        try:
            while True:
                for message in parser.commit(self._receive(parser)):
                    if isinstance(message, Close):
                        return
                    self._take(message)
        finally:
            self._ended.set()
            self.hang_up()  # wakes the other thread if the server takes nothing any more

    def hang_up(self) -> None:
        """End the connection in both directions; from any thread, and more than once."""
        with suppress(OSError):  # the server may have ended it before
            self._peer.shutdown(socket.SHUT_RDWR)

    def _receive(self, parser: MrdParser) -> int:
        """Bytes received, at least one."""
        space = parser.space()
        while True:
            before = self._sent
            try:
                n = self._peer.recv_into(space)
            except TimeoutError as e:
                if self._sent == before:
                    raise self._silence("said nothing") from e
                continue  # it was busy listening
            except OSError as e:
                raise self._gone() from e
            if not n:
                parser.end()
                raise self._gone()
            return n

    def _take(self, message: Message) -> None:
        match message:
            case Image():
                self._images.append(message)
                self._watch.received()
            case DicomFile():
                self._files.append(message)
                self._watch.received()
            case Text(text):
                notice = notice_of(text)
                self._notices.append(notice)
                self._watch.say(notice)
            case _:
                found = type(message).__name__
                self._watch.say(Notice(Level.WARNING, f"the server sent {found}: passed over"))

    def _silence(self, what: str) -> DeliveryError:
        return DeliveryError(f"{self._server}: {what} for {self._server.idle_s:g} s (--timeout)")

    def _gone(self) -> TruncatedStream:
        return TruncatedStream(
            f"{self._server}: the server went away without CLOSE"
            f" (images: {len(self._images)}, texts: {len(self._notices)})"
        )
