"""Runs all scans of a cohort, several at once, and goes on where an earlier run ended."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from streamrecon.cohort.data_set import OWN_FOLDER
from streamrecon.cohort.job import DONE, FileState, Record, Work, have_kept, read_record
from streamrecon.cohort.one_scan import UNFINISHED, Finished, ProcessLimits, record_name
from streamrecon.cohort.places import DataSetCopy, Places, RemoteFolder, reconstruct_at
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


@dataclass(frozen=True, slots=True)
class Source:
    """Where the scans are, and the state of each file below it."""

    tree: Path | RemoteFolder
    state: Callable[[PurePath], FileState]


Pool = Callable[[int], AbstractContextManager[tuple[Executor, ProcessLimits]]]
"""Gives for a number of scans what takes one call a scan, and what the process of each is given."""


def run_cohort(
    scans: Sequence[CohortScan],
    work: Work,
    source: Source,
    output: DataSetCopy,
    *,
    pool: Pool,
    overwrite: bool = False,
    tell: Callable[[str, Outcome], None],
) -> Outcome:
    """Reconstruct every scan that is not done yet.

    A scan's results appear as a whole or not at all, so that a run may be killed at any time: the
    next one with the same output goes on behind the last finished scan. A failure costs its scan.
    Files that have kept size and time are not read again; of others the checksum decides.

    Parameters
    ----------
    scans, work, source, output
        What is done to which scans, where they are, and where results go.
    pool
        Threads of this process, or an engine; not asked for where nothing is to be done.
    overwrite
        Whether results of other files or settings are replaced.
    tell
        Is called with a scan's name whenever one is finished.

    Raises
    ------
    ConfigError
        If another run works in this output.
    """
    own, places = output.folder / OWN_FOLDER, Places(source.tree, output.place)
    with _alone(own):
        shutil.rmtree(own / UNFINISHED, ignore_errors=True)
        outcome = Outcome()
        todo = list(_not_done(scans, work, source, output.folder, outcome))
        if todo:
            with pool(len(todo)) as (executor, limits):
                futures = {
                    executor.submit(
                        reconstruct_at, scan, work, places, limits, output.seen(scan),
                        overwrite=overwrite,
                    ): scan.name
                    for scan in todo
                }  # fmt: skip
                _collect(futures, outcome, tell)
        shutil.rmtree(own / UNFINISHED, ignore_errors=True)  # a worker may have been killed
    return outcome


def _not_done(
    scans: Sequence[CohortScan], work: Work, source: Source, output: Path, outcome: Outcome
) -> Iterator[CohortScan]:
    for scan in scans:
        if scan.fault:
            outcome.refused[scan.name] = scan.fault
            continue
        try:
            known = _done_before(scan, work, source, output)
        except StreamReconError as e:
            outcome.refused[scan.name] = str(e)
            continue
        if known is None:
            yield scan
        else:
            outcome.before[scan.name] = known


def _done_before(scan: CohortScan, work: Work, source: Source, output: Path) -> Record | None:
    """The record of a scan whose results are whole and of the same work, and whose files are kept.

    Raises
    ------
    StorageError
        If there is a record that cannot be read.
    """
    known = read_record(output, record_name(scan))
    if known is None or not known.is_whole(output) or known.key != work.key(scan, known.inputs):
        return None
    try:
        return known if have_kept(scan, known, source.state) else None
    except OSError:
        return None  # it is told when the scan's turn comes


def _collect(
    futures: dict[Future[Finished], str], outcome: Outcome, tell: Callable[[str, Outcome], None]
) -> None:
    """Wait for all; what did not begin yet does not, if that is interrupted."""
    try:
        for future in as_completed(futures):
            name = futures[future]
            _take(name, future, outcome)
            tell(name, outcome)
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _take(name: str, future: Future[Finished], outcome: Outcome) -> None:
    try:
        record, is_new = future.result()
    except (StreamReconError, OSError) as e:
        outcome.refused[name] = str(e)
    except Exception as e:  # noqa: BLE001  (an engine's own: its worker died several times)
        outcome.refused[name] = f"{type(e).__name__}: {e}"
    else:
        (outcome.now if is_new else outcome.before)[name] = record


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
