"""Checks the order of the messages that a client sends."""

from __future__ import annotations

from enum import Enum

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire.codecs.row import Turn
from streamrecon.mrd.wire.codecs.table import BY_KIND
from streamrecon.mrd.wire.messages import Message


class Stage(Enum):
    """What a session waits for."""

    CONFIG = "a config"
    HEADER = "the MRD header"
    DATA = "data or CLOSE"
    CLOSED = "nothing"


class SessionGrammar:
    """Follows one session and refuses what comes at the wrong time.

    ========  ==================================================================
    stage     accepts
    ========  ==================================================================
    CONFIG    ConfigFile or ConfigText → HEADER; Query
    HEADER    Header → DATA; Text; Query
    DATA      acquisitions, waveforms, images, composites; Text; Query
    any       Close → CLOSED
    CLOSED    nothing
    ========  ==================================================================

    A plain stream (`streamrecon pipe`) begins at HEADER. Gadgetron speaks to an external process
    as a client does to a server, with a config in full.

    Examples
    --------
    >>> from streamrecon.mrd.wire.messages import Header
    >>> grammar = SessionGrammar()
    >>> grammar.check(Header(b"<ismrmrdHeader/>"))
    Traceback (most recent call last):
    ...
    streamrecon.errors.ProtocolError: found the MRD header before a config, needed a config first
    """

    def __init__(self, stage: Stage = Stage.CONFIG) -> None:
        self.stage = stage

    def check(self, message: Message) -> None:
        """Take the next message.

        Raises
        ------
        ProtocolError
            If it may not come now.
        """
        if self.stage is Stage.CLOSED:
            raise ProtocolError(f"found {type(message).__name__} after CLOSE, needed nothing")
        match BY_KIND[type(message)].turn:
            case Turn.DATA:
                self._take_data()
            case Turn.LAST:
                self.stage = Stage.CLOSED
            case Turn.CONFIG:
                self._take_config()
            case Turn.HEADER:
                self._take_header()
            case Turn.ASIDE:
                self._need_config("a text")
            case Turn.NEVER:
                raise ProtocolError(f"found {type(message).__name__}, which only a server may send")
            case Turn.ANY:
                pass

    def _take_config(self) -> None:
        if self.stage is not Stage.CONFIG:
            raise ProtocolError("found a second config, needed only one")
        self.stage = Stage.HEADER

    def _take_header(self) -> None:
        self._need_config("the MRD header")
        if self.stage is Stage.DATA:
            raise ProtocolError("found a second MRD header, needed only one")
        self.stage = Stage.DATA

    def _take_data(self) -> None:
        self._need_config("data")
        if self.stage is Stage.HEADER:
            raise ProtocolError("found data before the MRD header, needed the header first")

    def _need_config(self, found: str) -> None:
        if self.stage is Stage.CONFIG:
            raise ProtocolError(f"found {found} before a config, needed a config first")
