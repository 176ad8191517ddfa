"""Compiles loops, and keeps what is compiled on disk: a folder that takes nothing costs time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import numba
from numba.core.caching import FunctionCache

_log = logging.getLogger(__name__)


class _ForgivingCache(FunctionCache):  # type: ignore[misc]
    """Compiled code on disk; what cannot be read is compiled, what cannot be written is not kept.

    numba itself raises in the middle of the first call: at a full disk, at a folder that has become
    read-only, at half a file.
    """

    def load_overload(self, sig: object, target_context: object) -> object:
        """What was kept, or ``None``."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # noqa: BLE001  (half a pickle raises anything)
            _tell(f"cannot be read ({type(error).__name__}), and is made again")
        with suppress(OSError):
            self.flush()  # its list may be what is damaged
        return None

    def save_overload(self, sig: object, data: object) -> None:
        """Keep it, if that is possible."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # noqa: BLE001  (a damaged list raises anything)
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            _tell(f"cannot be kept in {self.cache_path}: {reason}")


def njit(**options: object) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache on disk, where there is a folder for it.

    Without one (a read-only installation and no home folder) each process compiles anew: a minute
    of its warm-up. As with numba's own, callers are not checked against the types of the loop.
    """

    def compiled(function: Callable[..., Any]) -> object:
        try:
            kept = numba.njit(cache=True, **options)(function)
        except RuntimeError:
            _tell("has no folder that takes it; NUMBA_CACHE_DIR names one")
            return numba.njit(**options)(function)
        kept._cache = _ForgivingCache(function)  # noqa: SLF001  (numba has no other way)
        return kept

    return compiled


@cache
def _tell(what: str) -> None:
    """Say it once a process."""
    _log.warning("compiled code %s", what)
