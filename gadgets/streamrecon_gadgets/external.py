"""Our chains inside a real Gadgetron, as the external process it starts.

Gadgetron runs ``python -m gadgetron PORT streamrecon_gadgets.external run``. The PyPI package
``gadgetron`` connects, reads the config and the header, and calls `run`; from there on its readers
and writers are not used, because they wait for ever for a peer that has gone, take an unknown
message for the end of the data, and tell Gadgetron nothing of an error. Out of reach stays what
happens before `run` is called: a peer that goes within the header, and a header that ``ismrmrd``
cannot read.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
from gadgetron.external.connection import Connection

from streamrecon.errors import ProtocolError, StreamReconError, TruncatedStream
from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.codecs.row import Turn
from streamrecon.mrd.wire.codecs.table import kinds_of
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    Header,
    Image,
    Message,
    RemoteFailure,
)
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context
from streamrecon.stream.registry import Registry
from streamrecon_gadgets import REGISTRY

log = logging.getLogger(__name__)

QUIET_S = 1.0
"""After an error: silence after which Gadgetron has taken it. It answers with CLOSE at once."""
DRAIN_S = 60.0
"""After an error: longest time that its data are still taken."""

_DATA = kinds_of(Turn.DATA)
_LEVELS = {
    Level.DEBUG: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.ERROR: logging.ERROR,
}


def run(connection: Connection, registry: Registry = REGISTRY) -> None:
    """Serve one connection of the package ``gadgetron``; the target of `<execute>`.

    Raises
    ------
    BaseException
        Whatever failed, after Gadgetron has been told: the process ends with code 1.
    """
    logging.getLogger("numba").setLevel(logging.INFO)  # the package sets DEBUG: pages per kernel
    peer = Peer(connection.socket.socket)
    connection.socket = peer  # the package closes it when this function ends
    serve(peer, connection.raw_bytes.config, connection.raw_bytes.header, registry)


def serve(peer: Peer, config: bytes, header: bytes, registry: Registry) -> None:
    """Run the chain in ``config`` over what ``peer`` sends; the caller closes the peer.

    Images go to Gadgetron, volumes as images. Notices go to the log: a text from an external
    process is illegal there. Other results have no form on the wire and end here.

    Raises
    ------
    BaseException
        Whatever failed, after Gadgetron has been told as ERROR(8).
    """
    try:
        chain = build_chain(config, registry, Context(session="external"))
        series = ImageSeries()
        chain.run(_items(peer, header, series), _sender(peer, series))
    except BaseException as e:  # an exit too: CLOSE alone would mean success
        peer.fail(_reason(e))
        raise


def _items(peer: Peer, header: bytes, series: ImageSeries) -> Iterator[Message]:
    yield Header(header.partition(b"\0")[0])
    for message in peer.data():
        if isinstance(message, Acquisitions):
            series.see(message)
        yield message


def _reason(error: BaseException) -> str:
    if isinstance(error, StreamReconError):
        return f"[{error.code}] {error}"
    return f"[internal] {type(error).__name__}; the traceback is in the log of this process"


def _sender(peer: Peer, series: ImageSeries) -> Callable[[object], None]:
    def send(item: object) -> None:
        match item:
            case Notice():
                log.log(_LEVELS[item.level], "%s", item.text)
            case Volume():
                for image in series.images(item):
                    peer.send(_widened(image))
            case Image():
                peer.send(_widened(item))
            case _ if isinstance(item, _DATA):
                peer.send(item)
            case _:
                log.debug("a %s ends here: the wire has no form for it", type(item).__name__)

    return send


def _widened(image: Image) -> Image:
    """Give int16 pixels as int32: Gadgetron's reader of images does not know int16."""
    if image.data.dtype != np.int16:
        return image
    return Image(image.head, image.data.astype(np.int32), image.meta)


class Peer:
    """The socket to Gadgetron: messages in and out, and an end that is always said."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.settimeout(None)
        if connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._heard_close = False

    def data(self) -> Iterator[Message]:
        """Messages up to CLOSE.

        Raises
        ------
        TruncatedStream
            If the peer goes without CLOSE.
        ProtocolError
            If it sends what is not data.
        """
        parser = MrdParser()
        while True:
            for message in self._receive(parser):
                if isinstance(message, Close):
                    self._heard_close = True
                    return
                if not isinstance(message, _DATA):
                    found = type(message).__name__
                    raise ProtocolError(f"found {found} from Gadgetron, needed data or CLOSE")
                yield message

    def _receive(self, parser: MrdParser) -> list[Message]:
        try:
            n = self._socket.recv_into(parser.space())
        except OSError as e:
            raise TruncatedStream(f"Gadgetron is gone: {e}") from e
        if n == 0:
            parser.end()
            raise TruncatedStream("Gadgetron is gone: the connection ended without CLOSE")
        return parser.commit(n)

    def send(self, message: Message) -> None:
        """Send a whole message.

        Raises
        ------
        TruncatedStream
            If the peer has gone.
        """
        try:
            for piece in encode(message):
                self._socket.sendall(piece)
        except OSError as e:
            raise TruncatedStream(f"Gadgetron is gone: {e}") from e

    def fail(self, reason: str) -> None:
        """Tell Gadgetron of an error, if it is still there."""
        with suppress(TruncatedStream):
            self.send(RemoteFailure(reason))

    def close(self) -> None:
        """Send CLOSE; after an error take what still comes, so that the error is not lost.

        A socket that is closed with bytes unread resets the connection, and what was sent before
        may be thrown away unread. Gadgetron may also be held up in a send, with the lock that it
        needs to take the error.
        """
        with suppress(OSError, TruncatedStream):
            self.send(Close())
            self._socket.shutdown(socket.SHUT_WR)
            if not self._heard_close:
                self._drain()
        self._socket.close()

    def _drain(self) -> None:
        self._socket.settimeout(QUIET_S)
        end = time.monotonic() + DRAIN_S
        rest = bytearray(1 << 16)
        while self._socket.recv_into(rest) and time.monotonic() < end:
            pass
