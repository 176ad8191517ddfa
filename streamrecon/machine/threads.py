"""One thread budget for everything that computes: FFTW, numba, BLAS, chain branches.

The budget is ``STREAMRECON_THREADS``, else the processors this process may use. It is read once;
`set_budget` changes it before the first plan is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from threadpoolctl import threadpool_limits

from streamrecon.errors import ConfigError

_ENVIRONMENT = "STREAMRECON_THREADS"


def _initial() -> int:
    text = os.environ.get(_ENVIRONMENT, "")
    if not text:
        return len(os.sched_getaffinity(0))
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"{_ENVIRONMENT}: found {text!r}, needed a whole number of at least 1")
    return int(text)


_budget: list[int] = []


def budget() -> int:
    """Threads that may compute at once in this process."""
    if not _budget:
        _budget.append(_initial())
    return _budget[0]


def set_budget(threads: int) -> None:
    """Set the budget; plans and kernels made afterwards use it.

    Raises
    ------
    ConfigError
        If ``threads`` is below 1.
    """
    if threads < 1:
        raise ConfigError(f"threads: found {threads}, needed at least 1")
    _budget[:] = [threads]


def at_once(work: Callable[[range], None], count: int) -> None:
    """Call ``work`` with equal chunks of ``range(count)`` in as many threads as the budget has.

    The caller takes the last chunk. ``work`` should release the GIL. BLAS keeps to one thread from
    now on, as `quiet_blas` says.

    >>> found = []
    >>> at_once(found.extend, 10)
    >>> sorted(found) == list(range(10))
    True
    """
    quiet_blas()
    n_chunks = max(1, min(budget(), count))
    edges = [count * chunk // n_chunks for chunk in range(n_chunks + 1)]
    *chunks, own = map(range, edges[:-1], edges[1:])
    if not chunks:
        work(own)
        return
    with ThreadPoolExecutor(len(chunks), thread_name_prefix="chunk") as pool:
        others = pool.map(work, chunks)
        work(own)
        for _ in others:
            pass


@cache
def quiet_blas() -> None:
    """Keep BLAS to one thread in this process from now on.

    Its own threads wait by spinning, and two sets of them cost ten times the work itself; what they
    add up depends on their number.
    """
    threadpool_limits(limits=1, user_api="blas")
