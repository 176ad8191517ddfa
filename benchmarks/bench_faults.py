"""Trials of every kind of fault, and the table of what came of them.

    make bench-faults
    make bench-faults ARGS="--only A1 C14 --scale 0.05"

``--write FILE`` puts the rows into the table between the marks of a document: rows of kinds that
were not run stay. Each kind runs in processes of its own, two at once. Status 1 if an answer is
wrong; the wrong ones are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from _fault_kinds import KINDS, Kind
from trials import Tally

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from fill_tables import BEGIN, END, filled

_HEAD = ("kind", "what is damaged, or lost", "trials", "wrong", "longest [s]", "load")
_LONGEST_S = 3600


def main() -> int:
    """Run what is asked for; 1 if an answer is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="codes of kinds, as A1 C14; none: all")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of trials")
    parser.add_argument("--from-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--write", type=Path, help="document with the table")
    parser.add_argument("--one", nargs=3, type=int, metavar=("KIND", "FIRST", "N"))
    options = parser.parse_args()
    if options.one:
        return _in_this_process(*options.one)
    chosen = [kind for kind in KINDS if not options.only or kind.code in options.only]
    is_right = True
    for kind in chosen:
        count = max(1, round(kind.count * options.scale))
        row, is_all_right = _run(kind, options.from_seed, count, options.jobs)
        print(_line(row), flush=True)
        is_right = is_right and is_all_right
        if options.write:
            _write(options.write, row)
    return int(not is_right)


def _in_this_process(number: int, first: int, count: int) -> int:
    tally = Tally()
    for tally in KINDS[number].trials(range(first, first + count)):  # noqa: B007  (the last counts)
        pass
    print("\n" + json.dumps(asdict(tally)))
    return 0


def _run(kind: Kind, first: int, count: int, jobs: int) -> tuple[list[str], bool]:
    """Row of one kind, and whether nothing was wrong."""
    parts = [
        (KINDS.index(kind), start, min(kind.chunk, first + count - start))
        for start in range(first, first + count, kind.chunk)
    ]
    whole, loads, began = Tally(), [os.getloadavg()[0]], time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        for part in pool.map(_in_a_process, parts):
            whole.trials += part.trials
            whole.wrong += part.wrong
            whole.longest_s = max(whole.longest_s, part.longest_s)
            loads.append(os.getloadavg()[0])
            done = f"{kind.code} {kind.what}: {whole.trials} trials, {len(whole.wrong)} wrong"
            print(f"{done}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            for each in part.wrong:
                print(f"wrong: {kind.code}, {kind.what}: {each}", file=sys.stderr, flush=True)
    load = sum(loads) / len(loads) / (os.cpu_count() or 1)
    numbers = (f"{whole.trials:,}", len(whole.wrong), f"{whole.longest_s:.1f}", f"{load:.1f}")
    return [kind.code, kind.what, *map(str, numbers)], not whole.wrong


def _in_a_process(part: tuple[int, int, int]) -> Tally:
    words = [sys.executable, "-W", "ignore", __file__, "--one", *map(str, part)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=_LONGEST_S)
    try:
        return Tally(**json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError, TypeError):
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return Tally(trials=part[2], wrong=[f"from {part[1]}: status {done.returncode}, {last[0]}"])


def _write(document: Path, row: Sequence[str]) -> None:
    """Put one row into the table of a document, in the order of the kinds."""
    text = document.read_text()
    old = text.split(BEGIN)[1].split(END)[0].splitlines()
    rows = {tuple(cells[:2]): cells for cells in map(_cells, old) if len(cells) == len(_HEAD)}
    rows[tuple(row[:2])] = list(row)
    kept = [rows[key] for kind in KINDS if (key := (kind.code, kind.what)) in rows]
    table = [_line(_HEAD), "|---|---|--:|--:|--:|--:|", *map(_line, kept)]
    document.write_text(filled(text, "\n".join(table) + "\n"))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


if __name__ == "__main__":
    sys.exit(main())
