"""Reads HDF5 files in a child process: a file that kills the library is one sentence here.

The functions are those of `hdf5_reader`; the messages come through a pipe. Starting the process
takes two tenths of a second.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryFile
from typing import IO, BinaryIO

from streamrecon.errors import ProtocolError, TruncatedStream
from streamrecon.mrd.files.plain_stream import read_messages
from streamrecon.mrd.wire.messages import Close, Image, Message, Text

SILENCE_S = 60.0  # without a byte: the disk does not answer; a slab takes milliseconds
_PIPE_BYTES = 1 << 20  # what Linux gives to anybody; 64 kB halve the rate
REFUSED = 3
"""Exit status of a child whose reason is on its stderr."""
# -P: a file of a library's name beside the scan is not taken for the library.
_PYTHON = [sys.executable, "-P", "-W", "ignore", "-m", "streamrecon.mrd.files.hdf5_child"]
_LIBRARIES = {"OPENBLAS_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"}
"""No threads, whose stacks would count as memory; no plug-ins (HDF5's word for that)."""


def read_scan(path: Path, group: str | None = None) -> Generator[Message]:
    """Header, then lines and waveforms, or images, as `hdf5_reader.read_scan` gives them.

    Raises
    ------
    ProtocolError
        If the file is no MRD file, is damaged, or holds what MRD files do not.
    """
    yield from _messages("scan", path, group)


def read_images(path: Path) -> Iterator[Image]:
    """All images of a file, as `hdf5_reader.read_images` gives them.

    Raises
    ------
    ProtocolError
        If the file is not readable, or data contradict their header.
    """
    for message in _messages("images", path, None):
        if isinstance(message, Image):
            yield message


def count_lines(path: Path, group: str | None = None) -> int:
    """Lines of a scan, without reading them.

    Raises
    ------
    ProtocolError
        If the file is not an MRD file.
    """
    with closing(_messages("count", path, group)) as answer:
        return sum(int(message.text) for message in answer if isinstance(message, Text))


def _messages(what: str, path: Path, group: str | None) -> Generator[Message]:
    with TemporaryFile() as log, _child([what, str(path), group or ""], log) as (child, output):
        try:
            for message in read_messages(_Watched(output, path)):
                if isinstance(message, Close):
                    return
                yield message
        except TruncatedStream:
            pass  # it ended within a message: the reason is its own
        status = child.wait()
        log.seek(0)
        raise ProtocolError(_why(status, log.read(), path))


@contextmanager
def _child(words: Sequence[str], log: IO[bytes]) -> Iterator[tuple[Popen[bytes], BinaryIO]]:
    """A child whose stderr is ``log``, and its output; ended on leaving, wherever it is."""
    source, target = os.pipe()
    with suppress(PermissionError):  # a user has room for some pipes of this size only
        fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    with os.fdopen(source, "rb", buffering=0) as output:
        try:
            child = Popen(
                [*_PYTHON, *words],
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=log,
                env={**os.environ, **_LIBRARIES},
            )
        finally:
            os.close(target)
        with child:
            try:
                yield child, output
            finally:
                child.kill()


def _why(status: int, log: bytes, path: Path) -> str:
    """What to say of a child that did not come to its end."""
    text = log.decode(errors="replace").strip()
    if status == REFUSED and text:
        return text
    if status < 0:
        return f"{path.name}: damaged: the HDF5 library ended by {signal.Signals(-status).name}"
    return f"{path.name}: its reader ended with status {status}: {text.splitlines()[-1:]}"


class _Watched(RawIOBase):
    """A pipe that is given up after a long silence; it fills a block, so that lines stay many."""

    def __init__(self, pipe: BinaryIO, path: Path) -> None:
        self._number = pipe.fileno()
        self._path = path
        self._poll = select.poll()
        self._poll.register(self._number, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, space: bytearray | memoryview) -> int:  # type: ignore[override]
        view, filled = memoryview(space), 0
        while filled < len(view):
            if not self._poll.poll(SILENCE_S * 1e3):
                raise ProtocolError(f"{self._path.name}: nothing came from it for {SILENCE_S:g} s")
            n = os.readv(self._number, [view[filled:]])
            if not n:
                break
            filled += n
        return filled
