"""A bell between processes: who has put something into the spool wakes who sends it."""

from __future__ import annotations

import contextlib
import os
import select
from pathlib import Path
from typing import Self


class WakeupPipe:
    """A named pipe that one thread listens to and anybody may ring; what rings is not lost.

    A ring before the listener waits is heard when it does.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        # Open for writing too: else the pipe reads as ended whenever no ringer holds it.
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, seconds: float | None) -> None:
        """Return when it rings, or after ``seconds``."""
        if select.select([self._pipe], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._pipe, select.PIPE_BUF)

    def ring(self) -> None:
        """Wake who waits for this bell."""
        ring(self._pipe)

    def close(self) -> None:
        """Stop listening."""
        os.close(self._pipe)


def notify_all(folder: Path) -> None:
    """Ring all bells of a folder; one that nobody listens to stays silent."""
    for path in sorted(folder.glob("*")):
        try:
            pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # ENXIO: no listener
            continue
        try:
            ring(pipe)
        finally:
            os.close(pipe)


def ring(pipe: int) -> None:
    """Write one byte; a full pipe rings already."""
    with contextlib.suppress(BlockingIOError):
        os.write(pipe, b"!")
