"""Which gadget of a chain is at work, and how long the others will take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic

from streamrecon.stream.run.serial import Step

Tell = Callable[[str, float | None], None]

FRACTIONS = {
    "CheckPhaseSign": 0.40,
    "MapField": 0.18,
    "RemoveBackground": 0.19,
    "InvertField": 0.17,
    "FindVeins": 0.03,
    "DecayImages": 0.03,
}
"""Of the work of gre_full_images at its usual quality, 48 x 80 x 72 voxels; the rest has little."""
_LITTLE = 0.005
_WORKED_S = 0.05  # less is an item that only passed by
_FIRST = 0.05  # of all work, before which nothing is foretold


class StageProgress:
    """Tells the gadget that has begun to work, and the seconds that are left.

    What is left follows from the time so far and the usual fractions of the stages: for other
    settings than the usual ones it is off until the slow stages are behind.

    Parameters
    ----------
    steps
        Of the chain; each tells its own times from now on.
    tell
        Called with a gadget's name and the seconds left, ``None`` while nobody knows.
    """

    def __init__(self, steps: Iterable[Step], tell: Tell) -> None:
        self._tell, self._began = tell, monotonic()
        self._fractions: list[float] = []
        self._done: set[int] = set()
        for number, step in enumerate(steps):
            self._fractions.append(FRACTIONS.get(step.name, _LITTLE))
            step.times.watched(partial(self._note, number, step.name))

    def _note(self, number: int, name: str, worked_s: float, since: float) -> None:
        if since:
            self._done.discard(number)
            self._tell(name, self._remaining_s())
        elif worked_s > _WORKED_S:
            self._done.add(number)

    def _remaining_s(self) -> float | None:
        done = sum(self._fractions[number] for number in tuple(self._done)) / sum(self._fractions)
        return (monotonic() - self._began) * (1 / done - 1) if done > _FIRST else None
