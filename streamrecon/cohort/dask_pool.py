"""A cohort's scans on the machines of a Dask cluster (extra ``batch``)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

from streamrecon.errors import ConfigError

_RETRIES = 2


@contextmanager
def dask_pool(address: str) -> Iterator[Executor]:
    """Workers of a scheduler as an executor.

    Each must see the scans and the output under the same paths, and have this streamrecon. A
    worker that dies costs the time of its scan, which another one does again.

    Raises
    ------
    ConfigError
        If Dask is not installed, or the scheduler does not answer.
    """
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError as e:
        raise ConfigError("--scheduler: needed Dask, as pip install streamrecon[batch]") from e
    try:
        client = distributed.Client(address, timeout="5s", set_as_default=False)
    except (OSError, ValueError) as e:
        raise ConfigError(f"--scheduler {address}: found no scheduler ({e})") from e
    with client:
        yield cast("Executor", client.get_executor(pure=False, retries=_RETRIES))
