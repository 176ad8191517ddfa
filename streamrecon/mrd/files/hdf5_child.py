"""The child process that reads one HDF5 file and writes what is in it as a plain stream.

Started by `hdf5_process`: ``python -m streamrecon.mrd.files.hdf5_child WHAT FILE GROUP``. The last
message is CLOSE; without it the reason stands on stderr, in one line.
"""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from streamrecon.errors import ProtocolError
from streamrecon.mrd.files.hdf5_process import REFUSED
from streamrecon.mrd.files.hdf5_reader import count_lines, read_images, read_scan
from streamrecon.mrd.files.plain_stream import write_stream
from streamrecon.mrd.wire.messages import Close, Message, Text

CPU_S = 10
"""Of one message: damaged heaps send the library around in circles; a slab takes a tenth of 1 s."""
_MOST_LETTERS = 2000  # of a reason; a pipe takes 65,536 bytes without a reader
_ROOM_BYTES = 4 << 30  # address space beside four times the file: the libraries' and a slab


def main(words: Sequence[str]) -> int:
    """Write everything that is asked for, then CLOSE; give the exit status."""
    what, path, group = words[0], Path(words[1]), words[2] or None
    try:
        _limit_memory(path)
        write_stream(_in_time(_ANSWERS[what](path, group)), sys.stdout.buffer)
        write_stream([Close()], sys.stdout.buffer)
    except BrokenPipeError:  # the other process has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ProtocolError as e:
        return _refused(path, str(e))
    except Exception as e:  # noqa: BLE001  (the library's errors for damage are of all kinds)
        return _refused(path, f"damaged, or no MRD file: {type(e).__name__}: {e}")
    return 0


def _refused(path: Path, reason: str) -> int:
    whole = f"{path.name}: {reason.removeprefix(f'{path.name}: ')}"
    sys.stderr.write(" ".join(whole.split())[:_MOST_LETTERS])
    return REFUSED


def _limit_memory(path: Path) -> None:
    """A damaged length in the file ends in a MemoryError here, and not with the machine.

    No core is dumped either: it would hold the scan.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _ROOM_BYTES + 4 * path.stat().st_size
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _in_time(messages: Iterator[Message]) -> Iterator[Message]:
    """The messages, each within its share of the processor; the system ends what takes more."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    while True:
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + CPU_S, hard))
        message = next(messages, None)
        if message is None:
            return
        yield message


def _count(path: Path, group: str | None) -> Iterator[Message]:
    yield Text(str(count_lines(path, group)))


def _images(path: Path, _: str | None) -> Iterator[Message]:
    yield from read_images(path)


_ANSWERS: dict[str, Callable[[Path, str | None], Iterator[Message]]] = {
    "scan": read_scan,
    "images": _images,
    "count": _count,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
