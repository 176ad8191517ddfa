"""Keeps the images of a session on disk for the console page, in a thread of its own.

A disk that stalls or is full ends the copy; the client's images never wait for it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from queue import Full, Queue
from threading import Lock, Thread

from streamrecon.mrd.wire.messages import Close, Header, Image, Message
from streamrecon.server.sessions.raw_copy import RawCopy
from streamrecon.server.settings import Settings
from streamrecon.storage.raw_archive import RawFile, prune
from streamrecon.units import GIB, MIB

_log = logging.getLogger(__name__)

FOLDER = "images"
_MOST_WAITING_BYTES = 512 * MIB  # the maps of a whole head
_MOST_WAITING = 4096  # images; 2-D scans send them one by one
_CLOSING_S = 5.0
_DAY_S = 86400.0


class ImageCopy:
    """Copies header and images of one session into a plain MRD stream.

    Parameters
    ----------
    storage
        The folder ``images`` in it takes the file, for its owner alone.
    session
        Part of the file's name.
    days, gib
        Age and bytes of all copies, beyond which the oldest go.
    """

    def __init__(self, storage: Path, session: str, *, days: float, gib: float) -> None:
        self._file = RawFile(storage / FOLDER, session, quota_bytes=gib * GIB)
        self._limits = (days, gib)
        self._queue: Queue[Message | None] = Queue(_MOST_WAITING)
        self._waiting_bytes = 0
        self._counting = Lock()
        self._is_ended = False
        self._thread: Thread | None = None

    @property
    def name(self) -> str:
        """Name of the file when it is whole."""
        return self._file.name

    def begin(self, header: Header) -> None:
        """Start the copy of a session whose header has come; a second header changes nothing."""
        if self._thread is None:
            self._thread = Thread(target=self._work, name="image copy", daemon=True)
            self._thread.start()
            self.take(header)

    def take(self, message: Message) -> None:
        """Copy an image, at once or not at all."""
        if self._thread is None or self._is_ended:
            return
        size = _bytes_of(message)
        with self._counting:
            has_room = self._waiting_bytes + size <= _MOST_WAITING_BYTES
            self._waiting_bytes += size
        try:
            if has_room:
                self._queue.put_nowait(message)
        except Full:
            has_room = False
        if not has_room:
            self._is_ended = True
            _log.warning("image copy %s ends: the disk does not keep up", self.name)

    def close(self) -> None:
        """Write what waits, within seconds."""
        if self._thread is None:
            return
        try:
            self._queue.put(Close(), timeout=_CLOSING_S)
            self._queue.put(None, timeout=_CLOSING_S)
        except Full:
            return
        self._thread.join(_CLOSING_S)

    def _work(self) -> None:
        days, gib = self._limits
        copy = RawCopy(self._file)
        prune(self._file.folder, quota_bytes=gib * GIB, max_age_s=days * _DAY_S)
        while (message := self._queue.get()) is not None:
            copy.take(message)
            with self._counting:
                self._waiting_bytes -= _bytes_of(message)
        copy.close()


def _bytes_of(message: Message) -> int:
    return message.data.nbytes if isinstance(message, Image) else 0


def image_copy_of(session: str, settings: Settings) -> ImageCopy | None:
    """The copy of a session, where there is a page to show it."""
    if not settings.web or settings.storage is None:
        return None
    days, gib = settings.web_image_days, settings.web_image_gib
    return ImageCopy(settings.storage, session, days=days, gib=gib)
