"""Damaged connections in process: how each ends, and what memory it takes."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
from answers_in_process import Answer, answer_in_process
from mutated_images import mutated_images
from mutated_others import claiming_connection, mutated_others
from mutated_scans import mutated_connection, sound_connection
from trials import Tally

from streamrecon.acquisition.scan_memory import resident_bytes

Make = Callable[[int], bytes]

CODES = ("protocol", "truncated", "config", "header", "data", "recon", "delivery", "memory")
"""Of answers that are the client's fault."""

MAKERS: dict[str, Make] = {
    "header": partial(mutated_connection, what="header"),
    "samples": partial(mutated_connection, what="samples"),
    "lines": partial(mutated_connection, what="lines"),
    "anything": mutated_connection,
    "images": mutated_images,
    "others": mutated_others,
    "claims": claiming_connection,
}
"""Connections by what is damaged in them."""

_MIB, _GIB = 1 << 20, 1 << 30
_SPARE = 24 * _MIB
"""What the process itself takes of what it had let go: pages of the allocator."""
_ROUNDED = _GIB // 200  # a need is told in hundredths of GiB
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def try_sessions(make: Make, seeds: Iterable[int]) -> Iterator[Tally]:
    """Hold one session a seed; the tally after each."""
    _load()
    tally = Tally()
    for seed in seeds:
        with warnings.catch_warnings(), tally.trial(f"seed {seed}"):
            warnings.simplefilter("ignore", RuntimeWarning)  # the service logs them, and goes on
            _try(make(seed))
        yield tally


@cache
def _load() -> None:
    """Hold a sound session: what a process loads and compiles for its first is no session's."""
    answer_in_process(sound_connection())


def _try(received: bytes) -> None:
    before = resident_bytes()
    _CLEAR.write_text("5", encoding="ascii")  # the peak so far is forgotten
    answer = answer_in_process(received)
    peak = _peak_bytes()

    assert_answered(answer, received)
    most = max(before, _stated_bytes(answer)) + 2 * len(received) + _SPARE
    assert peak <= most, f"{peak / _MIB:.0f} MiB, needed at most {most / _MIB:.0f}"


def assert_answered(answer: Answer, received: bytes) -> None:
    """Nothing is the service's fault, and no image holds what is no number.

    Those of the client's own that pass by may.
    """
    assert not answer.is_internal, (answer.texts[-1], repr(answer.error))
    assert answer.error is None or any(f"[{code}]" in answer.last_words for code in CODES)
    for image in answer.images:
        is_finite = image.data.dtype.kind not in "fc" or np.isfinite(image.data).all()
        assert is_finite or image.data.tobytes() in received, "voxels that are no numbers"


def _stated_bytes(answer: Answer) -> int:
    said = re.findall(r"memory: about ([\d.]+) GiB", "\n".join(answer.texts))
    return max((round(float(gib) * _GIB) + _ROUNDED for gib in said), default=0)


def _peak_bytes() -> int:
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    return int(found) << 10
