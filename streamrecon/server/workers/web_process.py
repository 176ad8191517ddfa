"""Keeps the process of the console page running beside the sessions.

It is a process of its own: whatever browsers send to it, and however it ends, it touches no scan.
"""

from __future__ import annotations

from importlib.util import find_spec

from streamrecon.errors import ConfigError
from streamrecon.server.settings import Settings, as_environment
from streamrecon.server.workers.supervised_process import keep_running

_NICENESS = 5  # pictures for a page must not slow the scan that runs
_NEEDED = ("starlette", "uvicorn", "prometheus_client")


async def keep_page(settings: Settings) -> None:
    """Keep it running until cancelled, if the settings have an address for it."""
    if settings.web:
        words = ["web", "--while-stdin"]
        await keep_running("the console page", words, as_environment(settings), niceness=_NICENESS)


def check_page(settings: Settings) -> None:
    """Find out at the start what would keep the page from running.

    Raises
    ------
    ConfigError
        If its packages or the storage are missing.
    """
    if not settings.web:
        return
    assert_installed()
    if settings.storage is None:
        raise ConfigError("web: found no storage, needed one for scans to be watched")


def assert_installed() -> None:
    """Say what to install where the extra is missing.

    Raises
    ------
    ConfigError
        If it is.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise ConfigError(f"web: found no {names}, needed pip install 'streamrecon[web]'")
