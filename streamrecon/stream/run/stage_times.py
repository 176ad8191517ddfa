"""The seconds that one gadget has worked, and since when it is at work."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

Note = Callable[[float, float], None]


def _nobody(_worked_s: float, _since: float) -> None:
    """Nobody watches."""


class StageTimes:
    """Entered while its gadget works; one thread at a time.

    Times are those of the gadget's own code: what later gadgets make of its results is theirs.
    A call costs two readings of the clock: half a microsecond.

    Examples
    --------
    >>> seen = []
    >>> times = StageTimes()
    >>> times.watched(lambda worked_s, since: seen.append(since > 0))
    >>> with times:
    ...     pass
    >>> seen, times.worked_s >= 0
    ([True, False], True)
    """

    __slots__ = ("_began", "_note", "worked_s")

    def __init__(self) -> None:
        self.worked_s = 0.0
        self._began = 0.0
        self._note: Note = _nobody

    def watched(self, note: Note) -> None:
        """Have ``note`` called at each beginning and end: seconds worked, and the monotonic clock.

        The clock is that of the beginning, and 0 at the end.
        """
        self._note = note

    def __enter__(self) -> None:
        self._began = monotonic()
        self._note(self.worked_s, self._began)

    def __exit__(self, *_: object) -> None:
        self.worked_s += monotonic() - self._began
        self._note(self.worked_s, 0.0)
