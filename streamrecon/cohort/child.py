"""Runs one command of streamrecon that ends when the process that started it ends.

python -m streamrecon.cohort.child PARENT COMMAND...
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from runpy import run_module

_PR_SET_PDEATHSIG = 1  # of Linux


def main() -> None:
    """Tie this process to its parent, then do what it was started for."""
    parent, words = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
    sys.argv[1:] = words
    run_module("streamrecon", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
