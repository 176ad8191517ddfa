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

from streamrecon_gadgets import REGISTRY

from streamrecon.cohort.cluster import SLURM, dask_pool, slurm_pool
from streamrecon.cohort.data_set import OWN_FOLDER, begin_data_set, write_participants
from streamrecon.cohort.job import DONE, Work, state_of
from streamrecon.cohort.one_scan import ProcessLimits, records_of
from streamrecon.cohort.overview import write_overview
from streamrecon.cohort.places import (
    DataSetCopy,
    RemoteFolder,
    data_set_at,
    input_place,
    output_place,
)
from streamrecon.cohort.run_cohort import Outcome, Pool, Source, run_cohort
from streamrecon.cohort.scan_labels import LABELS, with_labels
from streamrecon.cohort.scan_tree import NIFTI, CohortScan, Listing, find_scans, listed
from streamrecon.commands.run_setup.chains import chain_called, chain_file, refuse_unknown
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.run_setup.options import add_chain, writable
from streamrecon.errors import ConfigError
from streamrecon.machine.threads import budget
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.overrides import unknown_parameters

_DESCRIPTION = """\
Reconstruct every scan below a folder, each in a process of its own, and write BIDS derivatives.
Folder and output may be URLs that fsspec knows (s3://bucket/raw): each scan's files are copied to
TMPDIR of the machine that reconstructs it, and its results are put back when they are whole.
Raw files go through a chain; pairs of NIfTI files (part-phase and part-mag, or part-real and
part-imag) and DICOM folders through `streamrecon maps`. Names with sub-, ses-, acq-, rec- and run-
are kept; others are named after their path. A run that was ended goes on behind the last finished
scan: what is done is recognised by the checksums of its files, the work and the version."""
_EPILOG = """\
Beside the data set, in code/streamrecon of the output: a log and a record for each scan, DICOM if
asked for, overview.html and overview.tsv. Exit status: 0 all scans done; 1 some failed; 2 cannot be
done.

examples:
  streamrecon batch raw -o derivatives
  streamrecon batch bids -o derivatives --set quality=best --jobs 2 --only 'sub-0*'
  streamrecon batch dicom -o derivatives --dicom
  streamrecon batch raw -o derivatives --labels nuclei --set MakeReadings.readings=qc,iron
  streamrecon batch s3://bucket/raw -o s3://bucket/derivatives --jobs 2
  streamrecon batch raw -o derivatives --scheduler tcp://cluster:8786
  streamrecon batch raw -o derivatives --scheduler slurm --jobs 20"""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("tree", type=_there_or_url, metavar="DIR|URL", help="folder of scans")
    parser.add_argument(
        "-o", "--output", type=output_place, required=True, metavar="DIR|URL",
        help="folder of the data set",
    )  # fmt: skip
    add_chain(parser, "chain for raw files (%(default)s)", default="gre_full")
    parser.add_argument(
        "--images-config", default="gre_full_images", metavar="NAME|FILE.xml",
        help="chain for NIfTI and DICOM (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N",
        help="scans at once on this machine, or jobs of SLURM at once (1)",
    )  # fmt: skip
    parser.add_argument(
        "--scheduler", metavar="tcp://HOST:PORT|slurm",
        help="a Dask scheduler in place of this machine, or jobs of SLURM as dask-jobqueue's own"
        " jobqueue.yaml describes them",
    )  # fmt: skip
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="scans by name, as 'sub-0*' (all)"
    )
    parser.add_argument(
        "--labels", type=_folder, metavar="DIR",
        help="label maps of regions on the scans' grids, as sub-01.nii.gz, names in sub-01.json or"
        " .tsv beside; for --set MakeReadings.readings=iron",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace results of other work")
    parser.add_argument(
        "--dicom", action="store_true",
        help="write the maps as DICOM too, in the study and frame of reference of the images or of"
        " the raw file's header; NIfTI files name none",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Find the scans, reconstruct them, write the overview; 1 if any failed."""
    if options.jobs < 1:
        raise ConfigError(f"--jobs: found {options.jobs}, needed at least 1")
    output = options.output
    if isinstance(output, Path):
        output = writable(output).resolve()
    source, listing = _listed(options.tree)
    scans = find_scans(listing)
    if options.labels is not None:
        scans = with_labels(scans, options.labels.resolve())
    wanted = [scan for scan in scans if fnmatch(scan.name, options.only)]
    if not wanted:
        names = ", ".join(scan.name for scan in scans[:3])
        raise ConfigError(f"--only {options.only}: found no such scan, but {names} and so on")
    if options.dicom:
        _refuse_without_study(wanted)
    work = _work(options)
    with data_set_at(output) as data_set:
        data_set.put(*begin_data_set(data_set.folder, listing.name))
        outcome = run_cohort(
            wanted, work, source, data_set, pool=_pool(options), overwrite=options.overwrite,
            tell=_Progress(len(wanted)),
        )  # fmt: skip
        _summarise(scans, outcome, data_set)
    return 1 if outcome.failed or outcome.refused else 0


def _there_or_url(text: str) -> Path | RemoteFolder:
    place = input_place(text)
    return there(str(place)) if isinstance(place, Path) else place


def _folder(text: str) -> Path:
    place = _there_or_url(text)
    if isinstance(place, RemoteFolder):
        raise ConfigError(f"--labels {place}: found a URL, needed a folder that every worker sees")
    return place


def _listed(tree: Path | RemoteFolder) -> tuple[Source, Listing]:
    """Where the scans are, and all files there."""
    if isinstance(tree, RemoteFolder):
        states = tree.states()
        return Source(tree, states.__getitem__), tree.listing(states)
    folder = tree.resolve()
    return Source(folder, lambda name: state_of(folder / name)), listed(folder)


def _refuse_without_study(scans: list[CohortScan]) -> None:
    """Raise ConfigError if a scan is of files that name no study which its DICOM could join."""
    nameless = [scan.name for scan in scans if scan.kind == NIFTI]
    if nameless:
        raise ConfigError(
            f"--dicom: found {nameless[0]} in NIfTI files, which name no study; needed DICOM or "
            "raw files, or --only with their names"
        )


def _work(options: argparse.Namespace) -> Work:
    """What is done to raw files and to images; a parameter goes to the chains that have it.

    Raises
    ------
    ConfigError
        If a chain cannot be built, or no chain has a parameter.
    """
    texts = [chain_file(name) for name in (options.config, options.images_config)]
    specs = [chain_called(name) for name in (options.config, options.images_config)]
    given = dict(options.values)
    asked = given if options.labels is None else {**given, LABELS: ""}  # of each scan its own
    unknown = [unknown_parameters(spec, REGISTRY, asked) for spec in specs]
    nobodys = [name for name in unknown[0] if name in unknown[1]]
    refuse_unknown(dict.fromkeys(nobodys, ""), specs[0])
    words = []
    for name, spec, others in zip(_absolute(options), specs, unknown, strict=True):
        own = {key: value for key, value in given.items() if key not in others}
        build_chain(spec, REGISTRY, overrides=own)  # a fault of it is no scan's
        pairs = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
        words.append(("--config", name, *pairs))
    sums = [hashlib.sha256(text).hexdigest() for text in texts]
    return Work(words[0], words[1], sums[0], sums[1], dicom=options.dicom)


def _absolute(options: argparse.Namespace) -> list[str]:
    """Both chains as another process finds them."""
    chains = (options.config, options.images_config)
    return [str(Path(name).resolve()) if Path(name).is_file() else name for name in chains]


def _pool(options: argparse.Namespace) -> Pool:
    """Where a number of scans run, and what the process of each is given."""

    @contextmanager
    def pool(scans: int) -> Iterator[tuple[Executor, ProcessLimits]]:
        if options.scheduler == SLURM:
            with slurm_pool(min(options.jobs, scans), _say) as found:
                yield found
        elif options.scheduler:
            with dask_pool(options.scheduler) as found:
                yield found
        else:
            with ThreadPoolExecutor(options.jobs) as executor:
                yield executor, ProcessLimits(max(1, budget() // options.jobs))

    return pool


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class _Progress:
    """A line on stderr for each scan that is finished, with the time that is still needed."""

    def __init__(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()

    def __call__(self, name: str, outcome: Outcome) -> None:
        count, made = outcome.count, max(1, outcome.count - len(outcome.before))
        remaining = (time.monotonic() - self._began) / made * (self._total - count)
        until = f"; about {_duration(remaining)} to go" if count < self._total else ""
        what = _what_became_of(name, outcome)
        _say(f"[{count}/{self._total}] {name}: {what}{until}")


def _what_became_of(name: str, outcome: Outcome) -> str:
    if name in outcome.refused:
        return f"refused: {outcome.refused[name]}"
    if name in outcome.failed:
        return f"failed: {outcome.failed[name]}"
    if name in outcome.before:
        return "done before, by the checksums of its files"
    return f"done in {outcome.now[name].seconds:.1f} s"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _summarise(scans: list[CohortScan], outcome: Outcome, data_set: DataSetCopy) -> None:
    """Write what the whole data set has, and say what became of the scans."""
    folder, own = data_set.folder, data_set.folder / OWN_FOLDER
    data_set.learn(scans, {**outcome.before, **outcome.now})
    records = records_of(scans, folder)
    done = [scan for scan in scans if scan.name in records and records[scan.name].state == DONE]
    participants = write_participants(folder, (scan.entities["sub"] for scan in done))
    page = write_overview(scans, records, outcome.refused, own)
    data_set.put(participants, page.with_suffix(".tsv"), page)
    new = sum(record.state == DONE for record in outcome.now.values())
    _say(
        f"{outcome.count} scans: {new} done now, {len(outcome.before)} before, "
        f"{len(outcome.failed)} failed, {len(outcome.refused)} refused"
    )
    for name in (*outcome.failed, *outcome.refused):
        _say(f"  {name}: {_what_became_of(name, outcome)}")
    print(data_set.shown(page))
