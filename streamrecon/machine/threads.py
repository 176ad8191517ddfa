"""One thread budget for everything that computes: FFTW, numba, BLAS, chain branches.

The budget is ``STREAMRECON_THREADS``, else the processors this process may use. It is read once;
`set_budget` changes it before the first plan is made.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from threadpoolctl import threadpool_limits

from streamrecon.errors import ConfigError
from streamrecon.machine.memory import one_arena

T = TypeVar("T")

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

    The caller takes chunks, too, and waits for none that nobody has begun: so calls within calls,
    and calls of many threads, share the process's threads and never wait for each other. ``work``
    should release the GIL. BLAS keeps to one thread from now on, as `quiet_blas` says.

    >>> found = []
    >>> at_once(found.extend, 10)
    >>> sorted(found) == list(range(10))
    True
    """
    quiet_blas()
    n_chunks = max(1, min(budget(), count))
    if n_chunks == 1:
        work(range(count))
        return
    edges = [count * chunk // n_chunks for chunk in range(n_chunks + 1)]
    waiting = deque(map(range, edges[:-1], edges[1:]))
    held = [work]  # what a busy pool has not dropped yet holds no arrays

    def take() -> None:
        while waiting:
            try:
                chunk = waiting.popleft()
            except IndexError:  # another was faster
                return
            held[0](chunk)

    others = [_pool(budget()).submit(take) for _ in range(n_chunks - 1)]
    try:
        take()
    finally:
        waiting.clear()  # of a chunk that failed the rest is not wanted
        begun = [other for other in others if not other.cancel()]
        for other in begun:
            other.exception()  # waits for it
        held.clear()
    for other in begun:
        other.result()


def meanwhile(work: Callable[[], T]) -> Callable[[], T]:
    """Let another thread begin ``work`` while the caller goes on; what is returned waits for it.

    Where none has begun by then the caller does it: so nothing waits for a thread that is not to be
    had, and with a budget of one all is done in turn. Ask once: then what ``work`` raises comes,
    too, and its arrays are let go. ``work`` should release the GIL.

    >>> answer = meanwhile(lambda: 6 * 7)
    >>> answer()
    42
    """
    quiet_blas()
    if budget() == 1:
        return work
    held = [work]
    del work

    def run() -> T:
        return held.pop()()

    begun = _pool(budget()).submit(run)
    return lambda: run() if begun.cancel() else begun.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """The process's threads; to begin one for each call costs more than a small FFT."""
    one_arena()
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="chunk")


os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of the threads


@cache
def quiet_blas() -> None:
    """Keep BLAS to one thread in this process from now on.

    Its own threads wait by spinning, and two sets of them cost ten times the work itself; what they
    add up depends on their number.
    """
    threadpool_limits(limits=1, user_api="blas")
