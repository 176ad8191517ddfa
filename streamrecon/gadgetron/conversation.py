"""One connection of a Gadgetron, served by a chain of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import numpy as np

from streamrecon.errors import StreamReconError, in_words
from streamrecon.gadgetron.parent_socket import DATA, Peer
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Header, Image, Message
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context
from streamrecon.stream.registry import Registry

_log = logging.getLogger(__name__)

_LEVELS = {
    Level.DEBUG: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.ERROR: logging.ERROR,
}


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
        send = _sender(peer, series)
        chain.run(_items(peer, header), send)
        nothing = series.nothing_sent()
        if nothing is not None:
            send(nothing)
    except BaseException as e:  # an exit too: CLOSE alone would mean success
        peer.fail(_reason(e))
        raise


def _items(peer: Peer, header: bytes) -> Iterator[Message]:
    yield Header(header.partition(b"\0")[0])
    yield from peer.data()


def _reason(error: BaseException) -> str:
    words = in_words(error)
    known = isinstance(error, StreamReconError | MemoryError)
    return words if known else f"{words}; the traceback is in the log of this process"


def _sender(peer: Peer, series: ImageSeries) -> Callable[[object], None]:
    def send(item: object) -> None:
        if isinstance(item, Notice):
            _log.log(_LEVELS[item.level], "%s", item.text)
            return
        for message in series.sent(item, DATA):
            peer.send(_widened(message))

    return send


def _widened(message: Message) -> Message:
    """Give int16 pixels as int32: Gadgetron's reader of images does not know int16."""
    if not isinstance(message, Image) or message.data.dtype != np.int16:
        return message
    return Image(message.header, message.data.astype(np.int32), message.meta)
