"""What a worker has done so far, in memory that its listener reads when it is dead."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_COUNTS = struct.Struct("<QQQ")
_OPENED = struct.Struct("<24xQ")
_QUEUES = struct.Struct("<32xQQ")
_STAGE = struct.Struct("<dd")
_MOST_STAGES = 64  # the largest packaged chain has 24
_SIZE = _QUEUES.size + _MOST_STAGES * _STAGE.size


@dataclass(frozen=True, slots=True)
class StageProgress:
    """What one gadget of a chain has done."""

    worked_s: float
    since: float
    """Reading of the machine's monotonic clock when it began to work; 0 where it is idle."""


class Progress:
    """Lines, images and bytes of one session, shared between the listener and its worker.

    And whether its header has come, the bytes that wait in its queues, and the time of each gadget.

    Each number is eight aligned bytes, so that no reader meets half of one. One process writes.

    Examples
    --------
    >>> with Progress.new() as ours, Progress(os.dup(ours.descriptor)) as theirs:
    ...     theirs.note(lines=3, images=1, received=4096)
    ...     ours.counts()
    (3, 1, 4096)
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._shared = mmap.mmap(descriptor, _SIZE)

    @classmethod
    def new(cls) -> Self:
        """One that nobody has written yet; its descriptor can be given to another process."""
        descriptor = os.memfd_create("streamrecon-progress", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, _SIZE)
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

    def note_queues(self, *, waiting_in: int, waiting_out: int) -> None:
        """Write how many bytes wait for the chain, and for the client."""
        struct.pack_into("<QQ", self._shared, _OPENED.size, waiting_in, waiting_out)

    def queues(self) -> tuple[int, int]:
        """Bytes that wait for the chain, and for the client."""
        waiting_in, waiting_out = _QUEUES.unpack_from(self._shared)
        return waiting_in, waiting_out

    def stage_noter(self, number: int) -> Callable[[float, float], None] | None:
        """What writes the time of a gadget of the chain; ``None`` beyond the last place."""
        if number >= _MOST_STAGES:
            return None
        shared, place = self._shared, _QUEUES.size + number * _STAGE.size

        def note(worked_s: float, since: float) -> None:
            _STAGE.pack_into(shared, place, worked_s, since)

        return note

    def stages(self, count: int) -> list[StageProgress]:
        """Times of the first ``count`` gadgets, in the order of the chain file."""
        places = (_QUEUES.size + n * _STAGE.size for n in range(min(count, _MOST_STAGES)))
        return [StageProgress(*_STAGE.unpack_from(self._shared, place)) for place in places]

    def close(self) -> None:
        """Let go of the memory and the descriptor."""
        self._shared.close()
        os.close(self.descriptor)
