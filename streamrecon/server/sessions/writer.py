"""Writes the results of the chain as frames of whole messages, in a thread of the session."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterable
from dataclasses import asdict

from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Bucket,
    Close,
    Dependency,
    DicomFile,
    Image,
    ImageArray,
    Message,
    ReconData,
    Response,
    Text,
    Waveform,
)
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.workers.worker_channel import (
    Kind,
    ScanFacts,
    Summary,
    send_frame,
    send_summary,
)
from streamrecon.stream.chainfile.spec import Slot

_log = logging.getLogger(__name__)

ALWAYS: tuple[type[Message], ...] = (Image, DicomFile, Dependency, Response, Text, Close)
"""What every client understands."""
_BY_SLOT: dict[int, type[Message]] = {
    1008: Acquisitions,
    1023: ReconData,
    1024: ImageArray,
    1026: Waveform,
    1050: Bucket,
}
_BY_WRITER: dict[str, type[Message]] = {
    "AcquisitionWriter": Acquisitions,
    "GadgetIsmrmrdAcquisitionMessageWriter": Acquisitions,
    "IsmrmrdReconDataWriter": ReconData,
    "ReconDataWriter": ReconData,
    "IsmrmrdImageArrayWriter": ImageArray,
    "ImageArrayWriter": ImageArray,
    "WaveformWriter": Waveform,
    "GadgetIsmrmrdWaveformMessageWriter": Waveform,
    "AcquisitionBucketWriter": Bucket,
    "BucketWriter": Bucket,
}


def written_types(writers: Iterable[Slot]) -> tuple[type[Message], ...]:
    """Messages that may go to the client: what all understand, and what the chain file names.

    A client dies of an id it does not know, so lines and composites that reach the end of a chain
    are dropped unless the file has a writer for them, as in Gadgetron.
    """
    found = [_BY_SLOT.get(one.slot or 0) or _BY_WRITER.get(one.class_name) for one in writers]
    return (*ALWAYS, *(kind for kind in found if kind is not None))


def _nobody(_message: Message) -> None:
    """Nobody copies."""


class Outgoing:
    """Sends what the session has to say, then its last words and its summary.

    Parameters
    ----------
    channel
        To the listener.
    items
        Messages, and in between what changes how they are sent: a dialect, a frame without
        payload; and what the scan is, for who watches it. Ends when the session has said all.
    closing
        Called when all is sent: the last messages and the summary.
    failed
        Called with the error that keeps an item from being sent, or when the listener is gone.
    copy
        Sees every message that is sent; must return at once.
    """

    def __init__(
        self,
        channel: socket.socket,
        items: Iterable[object],
        closing: Callable[[], tuple[Iterable[Message], Summary]],
        failed: Callable[[Exception], None],
        copy: Callable[[Message], None] = _nobody,
    ) -> None:
        self._copy = copy
        self._channel = channel
        self._items = items
        self._closing = closing
        self._failed = failed
        self._dialect = Dialect.GADGETRON
        self.images = 0

    def run(self) -> None:
        """Send until all is said."""
        try:
            try:
                self._send_items()
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001  (the edge of a thread)
                self._failed(error)
            last, summary = self._closing()
            for message in last:
                self._send(message)
            send_summary(self._channel, summary)
        except OSError as error:
            self._failed(error)

    def _send_items(self) -> None:
        for item in self._items:
            match item:
                case Kind():
                    send_frame(self._channel, item)
                case Dialect():
                    self._dialect = item
                case ScanFacts():
                    send_frame(self._channel, Kind.FACTS, [json.dumps(asdict(item)).encode()])
                case _ if isinstance(item, Message):
                    self._send(item)
                case _:
                    raise TypeError(f"{type(item).__name__} has no form on the wire")

    def _send(self, message: Message) -> None:
        _log.debug("out: %s", type(message).__name__)
        send_frame(self._channel, Kind.MESSAGES, encode(message, self._dialect))
        if isinstance(message, Text):
            send_frame(self._channel, Kind.NOTICE, [message.text.encode(errors="replace")])
        if isinstance(message, Image):
            self.images += 1
            self._copy(message)
