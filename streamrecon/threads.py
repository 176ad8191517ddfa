"""One thread budget for everything that computes: FFTW, numba, chain branches.

The budget is ``STREAMRECON_THREADS``, else the processors this process may use. It is read once;
`set_budget` changes it before the first plan is made.
"""

import os

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
