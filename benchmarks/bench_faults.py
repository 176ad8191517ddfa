"""Damaged connections in process: how each ends, how often it is called the service's own fault.

    make bench-faults ARGS="--sessions 20000 --from-seed 0"

Bounds: no ``[internal]``, none over 30 s, and the memory of the process at its end no more than
200 MiB above that after the first hundred sessions. The mutations are those of the tests.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable

from answers_in_process import answer_in_process
from mutated_images import mutated_images
from mutated_scans import mutated_connection

from streamrecon.acquisition.scan_memory import resident_bytes

_HANG_S = 30.0
_MIB = 1 << 20
_FIRST = 100


def main() -> int:
    """Print a row for lines and one for images; 1 if a bound is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--from-seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| kind | trials | answers | internal | over 30 s | grown by |")
    print("|---|---|---|---|---|---|")
    bad = 0
    kinds = {"damaged scans": mutated_connection, "damaged images": mutated_images}
    for kind, make in kinds.items():
        bad += run(kind, make, options.from_seed, options.sessions // len(kinds))
    return int(bad > 0)


def run(kind: str, make: Callable[[int], bytes], first: int, count: int) -> int:
    """One row; how many bounds are passed."""
    codes: Counter[str] = Counter()
    internal, slow, start = [], [], 0
    for number, seed in enumerate(range(first, first + count)):
        connection = make(seed)
        began = time.perf_counter()
        answer = answer_in_process(connection)
        if time.perf_counter() - began > _HANG_S:
            slow.append(seed)
        if answer.is_internal:
            internal.append(seed)
        codes[answer.last_words.partition("]")[0].partition("[")[2] or "complete"] += 1
        if number == _FIRST:
            start = resident_bytes()
    grown = (resident_bytes() - start) / _MIB if start else 0.0
    told = ", ".join(f"{code} {n}" for code, n in codes.most_common())
    print(
        f"| {kind} | {count} | {told} | {len(internal)} | {len(slow)} | {grown:.0f} MiB |",
        flush=True,
    )
    if internal or slow:
        print(f"internal: seeds {internal}; over 30 s: seeds {slow}", file=sys.stderr)
    return len(internal) + len(slow) + (grown > 2 * _FIRST)


if __name__ == "__main__":
    sys.exit(main())
