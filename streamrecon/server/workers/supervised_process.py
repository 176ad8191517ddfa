"""Keeps one of our commands running as a process beside the sessions, until the service ends.

Its stdin is a pipe from the service, whose end it takes for its own: it ends with the service
whatever ends that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence

_log = logging.getLogger(__name__)

_GRACE_S = 5.0  # for what is on its way
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


async def keep_running(
    what: str, words: Sequence[str], environment: Mapping[str, str], *, niceness: int
) -> None:
    """Run ``streamrecon`` with these words, again and again after pauses, until cancelled.

    Parameters
    ----------
    what
        The process in the log's words.
    words
        Command and options.
    environment
        Variables beside those of this process.
    niceness
        Its priority is lower by so much: the scans come first.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        began = time.monotonic()
        try:
            ending = f"ended, exit code {await _run_once(words, environment, niceness)}"
        except OSError as e:
            ending = f"cannot be started: {e.strerror}"
        if time.monotonic() - began > _LONGEST_PAUSE_S:
            pause_s = _FIRST_PAUSE_S
        _log.error("%s %s; again in %g s", what, ending, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


async def _run_once(words: Sequence[str], environment: Mapping[str, str], niceness: int) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamrecon", *words),
        stdin=subprocess.PIPE,
        env=os.environ | environment,
    )
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    try:
        return await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
