"""Commands of SLURM as far as dask-jobqueue calls them; a job is a process of this machine.

python slurm_stub.py sbatch|scancel ARGUMENTS, with the folder of the jobs in SLURM_STUB
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

STUB = "SLURM_STUB"


def install(folder: Path) -> None:
    """Put both commands into a folder that may then be first in PATH."""
    for name in ("sbatch", "scancel"):
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" {name} "$@"\n')
        command.chmod(0o700)


def sbatch(*words: str) -> None:
    """Start the job in a session of its own, keep its script and its process, tell its number."""
    *options, script = words
    if options == ["--test-only"]:
        return
    jobs = Path(os.environ[STUB])
    number = len(list(jobs.glob("*.sh"))) + 1
    kept = jobs / f"{number}.sh"
    kept.write_text(Path(script).read_text())
    directives = dict(
        line.removeprefix("#SBATCH --").split("=", 1)
        for line in kept.read_text().splitlines()
        if line.startswith("#SBATCH --") and "=" in line
    )
    given = {"SLURM_JOB_ID": str(number), "SLURM_CPUS_PER_TASK": directives["cpus-per-task"]}
    with (jobs / f"{number}.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", kept], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, env={**os.environ, **given},
        )  # fmt: skip
    (jobs / f"{number}.pid").write_text(str(process.pid))
    print(f"Submitted batch job {number}")


def scancel(number: str) -> None:
    """End the job with all its processes."""
    jobs = Path(os.environ[STUB])
    (jobs / f"{number}.cancelled").touch()
    with suppress(ProcessLookupError):
        os.killpg(int((jobs / f"{number}.pid").read_text()), signal.SIGTERM)


if __name__ == "__main__":
    command, *given = sys.argv[1:]
    sbatch(*given) if command == "sbatch" else scancel(*given)
