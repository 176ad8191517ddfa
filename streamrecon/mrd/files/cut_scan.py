"""Reads a raw copy that was cut: everything before the cut, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

from streamrecon.errors import ProtocolError
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.files.plain_stream import read_messages
from streamrecon.mrd.wire.grammar import SessionGrammar, Stage
from streamrecon.mrd.wire.messages import Acquisitions, Close, Message


def cut_scan(path: Path, say: Callable[[Notice], None]) -> Generator[Message]:
    """Header, then data up to the cut; no CLOSE.

    A power cut can leave half a message at the end, or zeros where a disk had not written yet; the
    scan ends before them. A copy that is whole is read as it is.

    Parameters
    ----------
    path
        Plain stream without a conversation, as the service copies it.
    say
        Is told where the copy ends.

    Raises
    ------
    ProtocolError
        If it cannot be read, or has no whole header.
    """
    grammar, lines, is_begun = SessionGrammar(Stage.HEADER), 0, False
    reason = "it ends without CLOSE"
    try:
        with path.open("rb") as file:
            for message in read_messages(file):
                grammar.check(message)
                if isinstance(message, Close):
                    return
                if isinstance(message, Acquisitions):
                    lines += len(message)
                is_begun = True
                yield message
    except OSError as e:
        reason = f"it cannot be read further: {e.strerror or e}"
    except ProtocolError as e:
        reason = str(e)
    if not is_begun:
        raise ProtocolError(f"{path.name}: no scan to recover: {reason}")
    say(Notice(Level.WARNING, f"this scan was cut after {lines} lines: {reason}"))
