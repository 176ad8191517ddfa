"""What a worker has done so far, in memory that its listener reads when it is dead."""

from __future__ import annotations

import mmap
import os
import struct
from typing import Self

_COUNTS = struct.Struct("<QQQ")
_OPENED = struct.Struct("<24xQ")


class Progress:
    """Lines, images and bytes of one session, shared between the listener and its worker.

    And whether its header has come.

    Each count is eight aligned bytes, so that no reader meets half of one. One process writes.

    Examples
    --------
    >>> with Progress.new() as ours, Progress(os.dup(ours.descriptor)) as theirs:
    ...     theirs.note(lines=3, images=1, received=4096)
    ...     ours.counts()
    (3, 1, 4096)
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._shared = mmap.mmap(descriptor, _OPENED.size)

    @classmethod
    def new(cls) -> Self:
        """One that nobody has written yet; its descriptor can be given to another process."""
        descriptor = os.memfd_create("streamrecon-progress", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, _OPENED.size)
        return cls(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def note(self, *, lines: int, images: int, received: int) -> None:
        """Write the counts."""
        _COUNTS.pack_into(self._shared, 0, lines, images, received)

    def counts(self) -> tuple[int, int, int]:
        """Lines, images, bytes received."""
        lines, images, received = _COUNTS.unpack_from(self._shared)
        return lines, images, received

    def note_opened(self) -> None:
        """Write that configuration and header have come."""
        struct.pack_into("<Q", self._shared, _COUNTS.size, 1)

    @property
    def is_opened(self) -> bool:
        """Whether configuration and header have come."""
        return bool(_OPENED.unpack_from(self._shared)[0])

    def close(self) -> None:
        """Let go of the memory and the descriptor."""
        self._shared.close()
        os.close(self.descriptor)
