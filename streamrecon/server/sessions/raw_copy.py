"""Copies scans as they arrive, so that `streamrecon replay` can reconstruct them later."""

from __future__ import annotations

from streamrecon.mrd.wire.codecs.row import Turn
from streamrecon.mrd.wire.codecs.table import kinds_of
from streamrecon.mrd.wire.messages import Close, Header, Message
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.settings import Settings
from streamrecon.storage.raw_archive import RawFile, prune
from streamrecon.units import GIB

_DAY_S = 86400.0
_CONVERSATION = kinds_of(Turn.CONFIG, Turn.ASIDE, Turn.ANY)


class RawCopy:
    """Appends one session's scan to a file: header, data, CLOSE, as a plain MRD stream.

    The file has its final name when CLOSE is in it and the session is over: what a kill leaves is a
    scan that was cut, whether lines are missing or only its images.
    """

    def __init__(self, file: RawFile) -> None:
        self._file = file
        self._is_whole = False

    @property
    def name(self) -> str:
        """Name that the file has when it is whole."""
        return self._file.name

    @property
    def loss(self) -> str:
        """Why the copy ended before the scan; empty where it did not."""
        return self._file.loss

    def take(self, message: Message) -> None:
        """Append a message of the scan; what belongs to the conversation only is left out."""
        if self._file.is_ended or isinstance(message, _CONVERSATION):
            return
        if not self._file.is_begun and not isinstance(message, Header):
            return
        self._file.append(encode(message))
        if isinstance(message, Close):
            self._is_whole = True

    def finish(self) -> None:
        """Take no more after CLOSE; the scan is worked on."""
        if self._is_whole:
            self._file.complete()

    def close(self) -> None:
        """Take no more."""
        self.finish()
        self._file.close()


def raw_copy_of(session: str, settings: Settings) -> RawCopy | None:
    """The copy of a session, if the settings want one; old ones make room first."""
    if settings.raw_folder is None:
        return None
    quota_bytes = settings.raw_quota_gib * GIB
    prune(settings.raw_folder, quota_bytes=quota_bytes, max_age_s=settings.raw_days * _DAY_S)
    return RawCopy(RawFile(settings.raw_folder, session, quota_bytes=quota_bytes))
