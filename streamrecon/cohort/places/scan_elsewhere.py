"""Reconstructs a scan whose files, or whose results, lie elsewhere: fetch, work here, put back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from streamrecon.cohort.data_set import OWN_FOLDER
from streamrecon.cohort.job import BEGUN, DONE, Record, Work
from streamrecon.cohort.one_scan import (
    Finished,
    Place,
    ProcessLimits,
    log_name,
    reconstruct,
    record_name,
)
from streamrecon.cohort.own_files import DICOM_FOLDER
from streamrecon.cohort.places.local_scratch import local_scratch
from streamrecon.cohort.places.remote_folder import RemoteFolder
from streamrecon.cohort.places.url_errors import NotThereError
from streamrecon.cohort.scan_tree import CohortScan
from streamrecon.output.readings.by_session import FOLDER as READINGS_FOLDER


@dataclass(frozen=True, slots=True)
class Places:
    """Where the scans of a cohort are, and where results go."""

    tree: Path | RemoteFolder
    output: Path | RemoteFolder


@dataclass(frozen=True, slots=True)
class Seen:
    """What is at a place elsewhere of a scan: its record, and the sizes of files of its name."""

    record: Record | None = None
    files: Mapping[str, int] = field(default_factory=dict)


def reconstruct_at(
    scan: CohortScan,
    work: Work,
    places: Places,
    limits: ProcessLimits,
    seen: Seen,
    *,
    overwrite: bool,
) -> Finished:
    """As `reconstruct`, wherever the places are.

    Inputs are copied to a folder of this machine, all of them before the work. Results that go
    elsewhere are made here and put back when they are whole; the record, by which they count as
    done, is the last.

    Raises
    ------
    ConfigError, DataError, StorageError
        As `reconstruct`, or if a place cannot be read or written.
    """
    with ExitStack() as stack:
        tree, output = places.tree, places.output
        if isinstance(tree, RemoteFolder):
            source, tree = tree, stack.enter_context(local_scratch())
            for name in scan.files:
                source.fetch(name, tree)
        if not isinstance(output, RemoteFolder):
            return reconstruct(scan, work, Place(tree, output), limits, overwrite=overwrite)
        here = stack.enter_context(local_scratch())
        stand_in(here, seen.files)
        if seen.record is not None:
            seen.record.write(here / record_name(scan))
        finished = reconstruct(scan, work, Place(tree, here), limits, overwrite=overwrite)
        _put_back(scan, finished, here, output)
    return finished


def stand_in(folder: Path, files: Mapping[str, int]) -> None:
    """Make files of these sizes that hold nothing: whether results are whole goes by sizes."""
    for name, size in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(max(0, size))


def _put_back(scan: CohortScan, finished: Finished, here: Path, output: RemoteFolder) -> None:
    """Log, a record that says what is coming, images, what describes them, and the record."""
    record, name = finished.record, record_name(scan)
    if finished.is_new:
        log = log_name(scan)
        output.put(here / log, log)
    if finished.is_new and record.state == DONE:
        replace(record, state=BEGUN, outputs={}).write(here / name)
        output.put(here / name, name)
        for each in sorted(record.outputs, key=lambda each: (each.endswith(".json"), each)):
            output.put(here / each, PurePath(each))
        for old in _stale(scan, record.outputs, output):
            output.remove(old)
        record.write(here / name)
    output.put(here / name, name)


def _stale(scan: CohortScan, kept: Iterable[str], output: RemoteFolder) -> list[PurePath]:
    """Files of earlier work in folders that hold those of one scan alone."""
    found: set[PurePath] = set()
    for folder in (DICOM_FOLDER, READINGS_FOLDER):
        try:
            found |= output.states((OWN_FOLDER / folder / scan.name).as_posix()).keys()
        except NotThereError:
            continue  # there is none
    return sorted(found - {PurePath(each) for each in kept})
