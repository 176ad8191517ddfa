"""Runs all scans of a cohort, several at once, and goes on where an earlier run ended."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from streamrecon.cohort.job import DONE, Record, Work
from streamrecon.cohort.one_scan import UNFINISHED, Place, done_before, reconstruct
from streamrecon.cohort.scan_tree import CohortScan
from streamrecon.errors import ConfigError, StreamReconError


@dataclass(slots=True)
class Outcome:
    """What became of a cohort: records by the scans' names, refusals as sentences."""

    before: dict[str, Record] = field(default_factory=dict)
    now: dict[str, Record] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Scans of which it is known what became of them."""
        return len(self.before) + len(self.now) + len(self.refused)

    @property
    def failed(self) -> dict[str, str]:
        """Why scans that were tried have no results, by their names."""
        return {name: r.reason for name, r in self.now.items() if r.state != DONE}


def run_cohort(
    scans: Sequence[CohortScan],
    work: Work,
    place: Place,
    *,
    pool: Executor,
    overwrite: bool = False,
    tell: Callable[[str, Outcome], None],
) -> Outcome:
    """Reconstruct every scan that is not done yet.

    A scan's results appear as a whole or not at all, so that a run may be killed at any time: the
    next one with the same output goes on behind the last finished scan. A failure costs its scan.

    Parameters
    ----------
    scans, work, place
        What is done to which scans, and where.
    pool
        Takes one call a scan: threads of this process, or an engine's.
    overwrite
        Whether results of other files or settings are replaced.
    tell
        Is called with a scan's name whenever one is finished.

    Raises
    ------
    ConfigError
        If another run works in this output.
    """
    with _alone(place.own):
        shutil.rmtree(place.own / UNFINISHED, ignore_errors=True)
        (place.own / UNFINISHED).mkdir(parents=True)
        outcome = Outcome()
        todo = list(_not_done(scans, work, place, outcome))
        futures = {
            pool.submit(reconstruct, scan, work, place, overwrite=overwrite): scan.name
            for scan in todo
        }
        try:
            _collect(futures, outcome, tell)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        shutil.rmtree(place.own / UNFINISHED, ignore_errors=True)  # a worker may have been killed
    return outcome


def _not_done(
    scans: Sequence[CohortScan], work: Work, place: Place, outcome: Outcome
) -> Iterator[CohortScan]:
    for scan in scans:
        try:
            known = done_before(scan, work, place)
        except StreamReconError as e:
            outcome.refused[scan.name] = str(e)
            continue
        if known is None:
            yield scan
        else:
            outcome.before[scan.name] = known


def _collect(
    futures: dict[Future[Record], str], outcome: Outcome, tell: Callable[[str, Outcome], None]
) -> None:
    for future in as_completed(futures):
        name = futures[future]
        try:
            outcome.now[name] = future.result()
        except (StreamReconError, OSError) as e:
            outcome.refused[name] = str(e)
        except Exception as e:  # noqa: BLE001  (an engine's own: its worker died several times)
            outcome.refused[name] = f"{type(e).__name__}: {e}"
        tell(name, outcome)


@contextmanager
def _alone(own: Path) -> Iterator[None]:
    """Keep a second run out of the same output, on this machine."""
    own.mkdir(parents=True, exist_ok=True)
    lock = os.open(own / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as e:
        raise ConfigError(f"{own}: another run works in this output; needed: wait for it") from e
    finally:
        os.close(lock)
