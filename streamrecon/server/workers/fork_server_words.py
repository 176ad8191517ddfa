"""Loaded into the fork server: a worker that fails at its birth never waits for stderr.

Python writes such a failure before any code of ours runs in the worker, and would wait for ever
where the pipe is full and its reader has gone.
"""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from types import TracebackType

from streamrecon.server.health.log_lines import nonblocking_stderr


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    text = "".join(traceback.format_exception(kind, error, trace))
    with suppress(OSError):  # full, or gone
        nonblocking_stderr()(text.encode())


sys.excepthook = _say
