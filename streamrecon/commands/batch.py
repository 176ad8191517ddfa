"""`streamrecon batch`: reconstructs all scans of a tree into a BIDS derivative data set."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from streamrecon.cohort.dask_pool import dask_pool
from streamrecon.cohort.data_set import begin_data_set, write_participants
from streamrecon.cohort.find_scans import CohortScan, find_scans
from streamrecon.cohort.job import DONE, Work
from streamrecon.cohort.one_scan import Place, records_of
from streamrecon.cohort.overview import write_overview
from streamrecon.cohort.run_cohort import Outcome, run_cohort
from streamrecon.commands.chains import chain_file, chosen_chain
from streamrecon.commands.options import add_chain, writable
from streamrecon.errors import ConfigError
from streamrecon.qsm.pipeline import DEFAULT_QUALITY, Quality
from streamrecon.threads import budget

_DESCRIPTION = """\
Reconstruct every scan below a folder, each in a process of its own, and write BIDS derivatives.
Raw files go through a chain; pairs of NIfTI files (part-phase and part-mag, or part-real and
part-imag) and DICOM folders through `streamrecon qsm`. Names with sub-, ses-, acq-, rec- and run-
are kept; others are named after their path. A run that was ended goes on behind the last finished
scan: what is done is recognised by the checksums of its files, the work and the version."""
_EPILOG = """\
Beside the data set, in code/streamrecon of the output: a log and a record for each scan,
overview.html and overview.tsv. Exit status: 0 all scans done; 1 some failed; 2 cannot be done.

examples:
  streamrecon batch raw -o derivatives --config gre_qsm
  streamrecon batch bids -o derivatives --quality best --jobs 2 --only 'sub-0*'
  streamrecon batch raw -o derivatives --scheduler tcp://cluster:8786"""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("tree", type=Path, metavar="DIR", help="folder of scans")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the data set"
    )
    add_chain(parser, "chain for raw files (%(default)s)", default="gre_qsm")
    parser.add_argument(
        "--quality", choices=[quality.value for quality in Quality],
        default=DEFAULT_QUALITY.value, help="of maps from NIfTI and DICOM (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="scans at once on this machine (1)"
    )
    parser.add_argument(
        "--scheduler", metavar="tcp://HOST:PORT", help="a Dask scheduler, in place of this machine"
    )
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="scans by name, as 'sub-0*' (all)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace results of other work")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Find the scans, reconstruct them, write the overview; 1 if any failed."""
    if options.jobs < 1:
        raise ConfigError(f"--jobs: found {options.jobs}, needed at least 1")
    tree, output = options.tree.resolve(), writable(options.output).resolve()
    scans = find_scans(tree)
    wanted = [scan for scan in scans if fnmatch(scan.name, options.only)]
    if not wanted:
        names = ", ".join(scan.name for scan in scans[:3])
        raise ConfigError(f"--only {options.only}: found no such scan, but {names} and so on")
    work, place = _work(options), Place(tree, output, max(1, budget() // options.jobs))
    begin_data_set(output, tree.name)
    with _pool(options) as pool:
        outcome = run_cohort(
            wanted, work, place, pool=pool, overwrite=options.overwrite, tell=_Progress(len(wanted))
        )
    _summarise(scans, outcome, place)
    return 1 if outcome.failed else 0


def _work(options: argparse.Namespace) -> Work:
    chosen_chain(argparse.Namespace(**vars(options), storage=None), session="batch")
    config = Path(options.config)
    words = [
        "--config",
        str(config.resolve()) if config.is_file() else options.config,
        "--format",
        "nifti,png",
    ]
    for name, value in options.values:
        words += ["--set", f"{name}={value}"]
    chain = hashlib.sha256(chain_file(options.config)).hexdigest()
    return Work(tuple(words), ("--quality", options.quality), chain)


@contextmanager
def _pool(options: argparse.Namespace) -> Iterator[Executor]:
    pool = dask_pool(options.scheduler) if options.scheduler else ThreadPoolExecutor(options.jobs)
    with pool as executor:
        yield executor


class _Progress:
    """A line on stderr for each scan that is finished, with the time that is still needed."""

    def __init__(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()

    def __call__(self, name: str, outcome: Outcome) -> None:
        count, made = outcome.count, outcome.count - len(outcome.before)
        reason = outcome.failed.get(name)
        what = f"failed: {reason}" if reason else f"done in {outcome.now[name].seconds:.1f} s"
        remaining = (time.monotonic() - self._began) / made * (self._total - count)
        until = f"; about {_duration(remaining)} to go" if remaining else ""
        print(f"[{count}/{self._total}] {name}: {what}{until}", file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _summarise(scans: list[CohortScan], outcome: Outcome, place: Place) -> None:
    """Write what the whole data set has, and say what became of the scans."""
    records = records_of(scans, place)
    done = [scan for scan in scans if scan.name in records and records[scan.name].state == DONE]
    write_participants(place.output, (scan.entities["sub"] for scan in done))
    page = write_overview(scans, records, outcome.refused, place.own)
    new = sum(record.state == DONE for record in outcome.now.values())
    print(
        f"{outcome.count} scans: {new} done now, {len(outcome.before)} before, "
        f"{len(outcome.failed)} failed",
        file=sys.stderr,
    )
    for name, reason in outcome.failed.items():
        print(f"  {name}: {reason}", file=sys.stderr)
    print(page)
