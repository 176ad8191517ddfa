"""Shares the images of one destination among the associations that it grants."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_WIDEN_S = 600.0  # an archive that was busy is asked for one association more


class Lanes:
    """How many of a destination's threads may have an association, and which images are whose.

    Parameters
    ----------
    wanted
        Associations that the settings ask for.
    clock
        Seconds that only grow.

    Examples
    --------
    >>> lanes = Lanes(3)
    >>> lanes.narrow()
    >>> [lanes.chunk(lane) for lane in range(3)]
    [(0, 2), (1, 2), None]
    """

    def __init__(self, wanted: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._wanted = self._granted = wanted
        self._clock = clock
        self._since = clock()
        self._lock = threading.Lock()

    def chunk(self, lane: int) -> tuple[int, int] | None:
        """(which, of how many) parts of the images a thread sends; ``None`` where it rests."""
        with self._lock:
            if self._granted < self._wanted and self._clock() - self._since > _WIDEN_S:
                self._granted += 1
                self._since = self._clock()
            return (lane, self._granted) if lane < self._granted else None

    def narrow(self) -> None:
        """Take one less, but one: the destination has refused an association."""
        with self._lock:
            self._granted = max(1, self._granted - 1)
            self._since = self._clock()
