"""Trials of one kind of fault: how many, which went wrong, how long the longest took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What became of trials so far.

    Parameters
    ----------
    limit_s
        A trial that takes longer is a wrong answer: it hangs.
    """

    limit_s: float = 30.0
    trials: int = 0
    wrong: list[str] = field(default_factory=list)
    longest_s: float = 0.0

    @contextmanager
    def trial(self, name: str) -> Iterator[None]:
        """One trial; what is raised in it makes it wrong, and the next one is made."""
        began = time.perf_counter()
        try:
            yield
        except Exception as error:  # noqa: BLE001  (assertions, and whatever else a trial meets)
            self.wrong.append(f"{name}: {type(error).__name__}: {str(error)[:300]}")
        took_s = time.perf_counter() - began
        if took_s > self.limit_s:
            self.wrong.append(f"{name}: {took_s:.0f} s, needed at most {self.limit_s:.0f}")
        self.trials += 1
        self.longest_s = max(self.longest_s, took_s)
