"""Brings a growing file to the disk several times a second, beside the thread that writes it."""

from __future__ import annotations

import os
from threading import Event, Thread
from typing import BinaryIO

PERIOD_S = 0.25
"""Between the end of one flush and the next: a power cut costs this and the time of one flush."""


class RegularFlush:
    """A thread that flushes one file until `stop`; the first failure ends it, and is kept.

    Writing never waits for the disk, as it would if each line were flushed where it is written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._flushed = 0
        self._ending = Event()
        self.fault: OSError | None = None
        self._thread = Thread(target=self._run, name="flush", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Flush no more; what was written since is the caller's."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(PERIOD_S):
            try:
                self._flush()
            except OSError as e:
                self.fault = e
                return

    def _flush(self) -> None:
        self._file.flush()
        end = os.fstat(self._file.fileno()).st_size
        if end != self._flushed:
            os.fdatasync(self._file.fileno())
            self._flushed = end
