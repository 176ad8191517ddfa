"""Mutated HDF5 files, each read in its own process: ``python hdf5_trials.py FILE TRIALS SEED``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from streamrecon.mrd.files import hdf5_child, hdf5_process

LONGEST_S = 60.0
"""On a busy machine; the child ends by itself where one message takes `hdf5_child.CPU_S`."""


@dataclass
class Found:
    """What became of the files: read, refused in a sentence, or ended by the library's crash."""

    read: int = 0
    refused: int = 0
    crashed: int = 0
    longest_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    """Tracebacks and hangs, each with the number of its trial."""


def run_trials(path: Path, *, trials: int, seed: int) -> Found:
    """Read ``trials`` mutations of a file in a child that has no threads and forks for each."""
    words = [sys.executable, __file__, str(path), str(trials), str(seed)]
    done = subprocess.run(words, check=True, capture_output=True, env=os.environ)
    return Found(**json.loads(done.stdout))


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, moved, repeated or cut: most often in the structures at the front."""
    spoiled = bytearray(data)
    reach = len(data) if rng.random() < 0.3 else min(len(data), 8000)
    for _ in range(int(rng.integers(1, 12))):
        at = int(rng.integers(reach))
        match int(rng.integers(4)):
            case 0:
                spoiled[at] = int(rng.integers(256))
            case 1:
                number = (0, 1, 2**31, 2**40, 2**64 - 1)[int(rng.integers(5))]
                spoiled[at : at + 8] = number.to_bytes(8, "little")
            case 2:
                other, n = int(rng.integers(reach)), int(rng.integers(1, 64))
                spoiled[at : at + n] = spoiled[other : other + n]
            case _:
                spoiled[at] ^= 1 << int(rng.integers(8))
    return bytes(spoiled[: int(rng.integers(len(spoiled)))] if rng.random() < 0.05 else spoiled)


def _trials(path: Path, trials: int, seed: int) -> Found:
    found, data, rng = Found(), path.read_bytes(), np.random.default_rng([seed])
    with tempfile.TemporaryDirectory() as folder:
        for n in range(trials):
            victim = Path(folder) / "a.h5"
            victim.write_bytes(mutated(data, rng))
            what = ("scan", "images", "count")[n % 3]
            began = time.monotonic()
            _count(found, n, _ended(_read(what, victim)))
            found.longest_s = max(found.longest_s, time.monotonic() - began)
    return found


def _read(what: str, path: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    hdf5_child.CPU_S = 2  # the files are small
    try:
        os._exit(hdf5_child.main([what, str(path), ""]))
    except BaseException:  # noqa: BLE001  (a child never returns into its parent's loop)
        os._exit(99)


def _ended(pid: int) -> int | None:
    """Exit code of a child, negative for a signal, ``None`` if it took too long."""
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return None


def _count(found: Found, n: int, code: int | None) -> None:
    if code == 0:
        found.read += 1
    elif code == hdf5_process.REFUSED:
        found.refused += 1
    elif code is not None and code < 0:
        found.crashed += 1
    else:
        found.faults.append(f"trial {n}: " + ("too long" if code is None else f"status {code}"))


if __name__ == "__main__":
    file, count, first = [*sys.argv[1:], "5000", "1"][:3]
    print(json.dumps(asdict(_trials(Path(file), int(count), int(first)))))
