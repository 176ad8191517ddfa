"""Writes log lines to stderr: one record is one line, and no line waits for a reader.

All processes of the service share stderr, which may be a pipe that nobody empties: a line that does
not fit is counted and dropped, since the listener must not stand still for it.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress

from streamrecon.server.health.json_lines import JsonLines

_STDERR = 2
_PIECE_BYTES = 4096  # PIPE_BUF: a pipe takes so much whole, or not at all
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_INDENT = "    "
"""Before every line of a traceback: none of them looks like a record."""

Write = Callable[[bytes], int]


def log_to_stderr(level: str, form: str = "text") -> None:
    """Log lines of this process to stderr, as ``text`` or ``json``; Python's warnings too."""
    handler = StderrLines(nonblocking_stderr())
    handler.setFormatter(JsonLines() if form == "json" else OneLine(_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
    logging.captureWarnings(True)


class OneLine(logging.Formatter):
    r"""Escapes what a peer could forge lines with or drive a terminal: names are its words.

    >>> words = ("x\n12:00 INFO b: all\x1b[2J",)
    >>> record = logging.LogRecord("a", 20, "", 0, "gadget %s", words, None)
    >>> print(OneLine("%(name)s: %(message)s").format(record))
    a: gadget x\n12:00 INFO b: all\x1b[2J
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """The line without control characters."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802
        """The traceback, each line indented and without other control characters."""
        lines = super().formatException(ei).split("\n")  # type: ignore[arg-type]
        return "\n".join(_INDENT + escaped(line) for line in lines)


def escaped(text: str) -> str:
    r"""The text with escapes for everything that does not print.

    >>> print(escaped("χ\r\n\u2028"))
    χ\r\n\u2028
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class StderrLines(logging.Handler):
    """Gives each record to ``write`` at once, or drops it; the next one says how many were lost."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._write = write
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  (a wrong format is a fault of the record, not of the scan)
            text = f"{record.levelname} {record.name}: {escaped(str(record.msg))}"
        if self._lost:
            text = f"{self._lost} log lines were lost: nobody read stderr\n{text}"
        try:
            for piece in _pieces(text.encode(errors="backslashreplace") + b"\n"):
                self._write(piece)
        except OSError:  # full, or closed for good
            self._lost += 1
        else:
            self._lost = 0


def nonblocking_stderr() -> Write:
    """What writes to stderr without waiting, whatever it is.

    The flag that makes a descriptor non-blocking belongs to everybody who holds it, the shell
    too. A pipe or terminal is therefore opened again, a socket is told with each write; a file
    never waits.
    """
    try:
        mode = os.fstat(_STDERR).st_mode
    except OSError:  # closed: nobody wants to hear
        return len
    if stat.S_ISSOCK(mode):
        peer = socket.socket(fileno=os.dup(_STDERR))
        return lambda piece: peer.send(piece, socket.MSG_DONTWAIT)
    descriptor = _STDERR
    if stat.S_ISFIFO(mode) or os.isatty(_STDERR):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        with suppress(OSError):  # another user's cannot be opened: it may wait
            descriptor = os.open(f"/proc/self/fd/{_STDERR}", flags)
    return lambda piece: os.write(descriptor, piece)


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]
