"""A cohort's scans on the machines of a Dask cluster (extra ``batch``)."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from streamrecon import __version__
from streamrecon.cohort.one_scan import ProcessLimits
from streamrecon.errors import ConfigError
from streamrecon.machine.optional_packages import optional_package
from streamrecon.machine.threads import budget

_NANNY = "distributed.nanny.pre-spawn-environ"
_JOB = ("SLURM_JOB_ID", "SLURM_CPUS_PER_TASK")


@dataclass(frozen=True, slots=True)
class WorkerRoom:
    """How many scans a worker takes at once, and how many threads its machine has for all of them.

    A job of a cluster's is a machine of its own, with the processors that it was given.
    """

    host: str
    scans: int
    threads: int
    version: str = __version__


@contextmanager
def dask_pool(address: str) -> Iterator[tuple[Executor, ProcessLimits]]:
    """Workers of a scheduler as an executor, and what a scan's process is given there.

    Each must see the scans and the output under the same paths, and have this streamrecon. A
    worker that dies costs the time of its scan, which another one does again. Workers that join
    later have the threads that those of the beginning had.

    Dask gives its workers variables of its own, among them a limit of the allocator by which heads
    take a fifth more of a processor; scans run with those of this process instead.

    Raises
    ------
    ConfigError
        If Dask is not installed, the scheduler does not answer, or a worker has another version.
    """
    distributed = with_dask("distributed")
    try:
        client = distributed.Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as e:
        raise ConfigError(f"--scheduler {address}: found no scheduler ({e})") from e
    with client:
        yield pool_of(client)


def pool_of(client: Any) -> tuple[Executor, ProcessLimits]:  # noqa: ANN401  (has no types)
    """A client's workers as `dask_pool` gives them.

    Raises
    ------
    ConfigError
        If a worker has another version.
    """
    limits = ProcessLimits(threads_of_a_scan(_rooms(client)), _variables_of_workers())
    return cast("Executor", client.get_executor(pure=False)), limits


def with_dask(package: str) -> Any:  # noqa: ANN401  (has no types)
    """A package of Dask's, as `optional_package` gives it."""
    return optional_package(package, "batch", needed_by="--scheduler")


def threads_of_a_scan(workers: Iterable[WorkerRoom]) -> int:
    """As many as every machine has for each scan that its workers take: one plan for all scans.

    Without any worker it is what this process may use.

    >>> threads_of_a_scan([WorkerRoom("a", 1, 16), WorkerRoom("a", 1, 16), WorkerRoom("b", 2, 32)])
    8
    """
    known = list(workers)
    scans: Counter[str] = Counter()
    for worker in known:
        scans[worker.host] += worker.scans
    each = (worker.threads // scans[worker.host] for worker in known)
    return max(1, min(each, default=budget()))


def _rooms(client: Any) -> Iterator[WorkerRoom]:  # noqa: ANN401  (has no types)
    for name, room in client.run(_room, on_error="return").items():
        if isinstance(room, OSError):  # it has gone since
            continue
        if not isinstance(room, WorkerRoom) or room.version != __version__:
            found = room.version if isinstance(room, WorkerRoom) else f"none ({room})"
            raise ConfigError(f"worker {name}: found streamrecon {found}, needed {__version__}")
        yield room


def _room(dask_worker: Any) -> WorkerRoom:  # noqa: ANN401  (Dask gives it by this name)
    job, processors = (os.environ.get(name) for name in _JOB)
    threads = min(budget(), int(processors)) if processors else budget()
    return WorkerRoom(f"{socket.gethostname()} {job or ''}", dask_worker.state.nthreads, threads)


def _variables_of_workers() -> Mapping[str, str | None]:
    """Those that Dask sets for its workers, as they are here."""
    config: Any = import_module("dask.config")
    return {name: os.environ.get(name) for name in config.get(_NANNY, {})}
