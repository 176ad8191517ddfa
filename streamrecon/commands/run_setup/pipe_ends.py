"""Opens both ends of `streamrecon pipe`: standard streams, files, named pipes; MRD 1 or 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedReader
from itertools import chain as chain_of
from pathlib import Path
from typing import BinaryIO, NamedTuple

from streamrecon.errors import StreamReconError, in_words
from streamrecon.mrd.files.open_scan import begins_with_config, check_is_mrd2, check_is_stream
from streamrecon.mrd.files.plain_stream import read_stream, write_stream
from streamrecon.mrd.version2.stream import Mrd2Writer, read_mrd2
from streamrecon.mrd.wire.grammar import Stage
from streamrecon.mrd.wire.messages import ConfigFile, ConfigText, Message, Text


class Incoming(NamedTuple):
    """A config, where one stands in the stream, and the scan."""

    config: ConfigFile | ConfigText | None
    scan: Iterator[Message]


def opened(
    source: Path | None, target: Path | None, files: ExitStack
) -> tuple[BufferedReader, BinaryIO]:
    """Both ends; the input first. Named pipes wait until somebody opens their other end.

    The output is opened before the first byte is read: who waits for it hears of any failure.
    """
    if source is None:
        given = files.enter_context(os.fdopen(os.dup(0), "rb"))
    else:
        given = files.enter_context(source.open("rb"))
    if target is None:
        return given, sys.stdout.buffer
    return given, files.enter_context(target.open("wb"))


def incoming(source: BufferedReader, *, is_mrd2: bool) -> Incoming:
    """The scan that comes.

    Raises
    ------
    ProtocolError
        If it is no stream of that version.
    """
    if is_mrd2:
        check_is_mrd2(source)
        return Incoming(None, read_mrd2(source))
    check_is_stream(source)
    if not begins_with_config(source):
        return Incoming(None, read_stream(source))
    scan = read_stream(source, stage=Stage.CONFIG)
    first = next(scan)
    if isinstance(first, ConfigFile | ConfigText):
        return Incoming(first, scan)
    return Incoming(None, chain_of([first], scan))


class Outgoing:
    """Sends messages, and says at the end why there are no more.

    Parameters
    ----------
    target
        Where to.
    is_mrd2
        Whether as MRD 2, which has no place for texts.
    """

    def __init__(self, target: BinaryIO, *, is_mrd2: bool) -> None:
        self._target = target
        self._writer = Mrd2Writer(target) if is_mrd2 else None

    def send(self, message: Message) -> None:
        """Write one message."""
        if self._writer is None:
            write_stream([message], self._target)
        else:
            self._writer.send(message)

    def fail(self, error: StreamReconError | MemoryError) -> None:
        """Say in the stream why it ends here, where it has a place for that; no CLOSE follows."""
        if self._writer is None:
            self.send(Text(f"ERR {in_words(error)}"))
