"""Wakes the sender when the spool has new images, across processes."""

from __future__ import annotations

import contextlib
import os
import select
from pathlib import Path
from typing import Self


class WakeupPipe:
    """A named pipe that one thread waits on and any process may write to.

    No wake-up is lost: one that comes before the thread waits ends its next wait at once.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        # Open for writing too: else the pipe reads as ended whenever no writer holds it.
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, seconds: float | None) -> None:
        """Return on a wake-up, or after ``seconds``."""
        if select.select([self._pipe], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._pipe, select.PIPE_BUF)

    def notify(self) -> None:
        """Wake the thread that waits on this pipe."""
        _write_byte(self._pipe)

    def close(self) -> None:
        """Stop listening."""
        os.close(self._pipe)


def notify_all(folder: Path) -> None:
    """Wake every thread that waits on a pipe of a folder; skip pipes without a listener."""
    for path in sorted(folder.glob("*")):
        try:
            pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # ENXIO: no listener
            continue
        try:
            _write_byte(pipe)
        finally:
            os.close(pipe)


def _write_byte(pipe: int) -> None:
    """Write one byte; a full pipe wakes its listener already."""
    with contextlib.suppress(BlockingIOError):
        os.write(pipe, b"!")
