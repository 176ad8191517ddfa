"""Reconstructs one scan of a cohort in a process of its own, and moves its results in place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from tempfile import mkdtemp
from typing import Any, NamedTuple

from streamrecon.cohort.bids_names import folder_of
from streamrecon.cohort.data_set import OWN_FOLDER, move_results, planned, provenance_of
from streamrecon.cohort.job import (
    BEGUN,
    DONE,
    FAILED,
    Input,
    Record,
    Work,
    checked_inputs,
    read_record,
)
from streamrecon.cohort.own_files import keep_dicom, keep_sheets
from streamrecon.cohort.readings import keep_readings
from streamrecon.cohort.scan_labels import pushed, region_means
from streamrecon.cohort.scan_tree import CohortScan
from streamrecon.cohort.thumbnail import median_snr, thumbnail_of
from streamrecon.errors import ConfigError, StorageError
from streamrecon.model.notice import Level
from streamrecon.storage.atomic_file import whole

RECORDS = OWN_FOLDER / "records"
UNFINISHED = "unfinished"
"""Folder of scans that are worked on."""
_REASON = "streamrecon: error: "
_WARNING = f"{Level.WARNING.value} "
_FACTS = {
    "MagneticFieldStrength": "b0_t", "ManufacturersModelName": "scanner",
    "PhaseSign": "phase_sign", "PhaseSignOrigin": "phase_sign_origin",
}  # fmt: skip
"""Facts of a map's JSON → their columns in the overview."""


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What the process of each scan is given.

    Parameters
    ----------
    threads
        That compute at once.
    variables
        Of its environment, beside what it inherits; those of ``None`` it does not inherit.
    """

    threads: int
    variables: Mapping[str, str | None] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """All variables of a process that this one starts."""
        own = {"STREAMRECON_THREADS": str(self.threads)}
        given = {**os.environ, **self.variables, **own}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of this machine: where the scans are, and where results go."""

    tree: Path
    output: Path

    @property
    def own(self) -> Path:
        """Folder of records, logs and sheets."""
        return self.output / OWN_FOLDER

    def record(self, scan: CohortScan) -> Path:
        """Where the record of a scan is."""
        return self.output / record_name(scan)


def record_name(scan: CohortScan) -> PurePath:
    """Where the record of a scan is, below the data set."""
    return RECORDS / f"{scan.name}.json"


def log_name(scan: CohortScan) -> PurePath:
    """The same of its log."""
    return OWN_FOLDER / "logs" / f"{scan.name}.log"


class Finished(NamedTuple):
    """A scan that a worker is done with, and whether it had to be reconstructed."""

    record: Record
    is_new: bool


def records_of(scans: Iterable[CohortScan], output: Path) -> dict[str, Record]:
    """Records by the names of the scans that have one which can be read."""
    found: dict[str, Record] = {}
    for scan in scans:
        with suppress(StorageError):
            record = read_record(output, record_name(scan))
            if record is not None:
                found[scan.name] = record
    return found


def reconstruct(
    scan: CohortScan, work: Work, place: Place, limits: ProcessLimits, *, overwrite: bool
) -> Finished:
    """Make the results of a scan; what fails is in the record, and nothing of it in the data set.

    A scan whose results are whole and of the same inputs and work, by their checksums, is not
    reconstructed again.

    Raises
    ------
    ConfigError
        If other results have these names, and ``overwrite`` is not set.
    StorageError
        If there is a record that cannot be read.
    """
    began = time.perf_counter()
    known = read_record(place.output, record_name(scan))
    inputs = checked_inputs(scan, place.tree, known)
    record = Record(scan.name, BEGUN, work.key(scan, inputs), inputs, work.arguments(scan))
    if known is not None and known.key == record.key and known.is_whole(place.output):
        known = replace(known, inputs=inputs)
        known.write(place.record(scan))
        return Finished(known, is_new=False)
    if not overwrite:
        _refuse_other_results(scan, record, known, place)
    with _scratch(place) as scratch:
        reason = _run(scan, work, scratch, place, limits)
        if reason:
            record = replace(record, state=FAILED, reason=reason)
        else:
            record = _moved(scan, record, scratch, place)
    record = replace(record, seconds=round(time.perf_counter() - began, 2))
    record.write(place.record(scan))
    return Finished(record, is_new=True)


def _refuse_other_results(
    scan: CohortScan, record: Record, known: Record | None, place: Place
) -> None:
    """Results of other files, of other work, or of nobody we know are not written over."""
    if known is not None and known.key == record.key:
        return
    if known is not None and known.state != FAILED:
        same = _sums(known.inputs) == _sums(record.inputs)
        what = "other settings or another version" if same else "other files"
        raise ConfigError(f"results of {what} are there; needed another folder, or --overwrite")
    strangers = results_named(scan, place.output) if known is None else []
    if strangers:
        raise ConfigError(
            f"{strangers[0].name} is there, without a record of this command; "
            "needed another folder, or --overwrite"
        )


def results_named(scan: CohortScan, output: Path) -> list[Path]:
    """Files of a data set that have a scan's name, whoever put them there."""
    return sorted((output / folder_of(scan.entities)).glob(f"*/{scan.name}_*"))


def _sums(inputs: Mapping[str, Input]) -> list[str]:
    return [each.sha256 for each in inputs.values()]


@contextmanager
def _scratch(place: Place) -> Iterator[Path]:
    """A folder on the disk of the results, so that moving is renaming."""
    (place.own / UNFINISHED).mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=place.own / UNFINISHED))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(scan: CohortScan, work: Work, scratch: Path, place: Place, limits: ProcessLimits) -> str:
    """Run the command, its messages into the log; why it failed, empty if it did not."""
    log = place.output / log_name(scan)
    log.parent.mkdir(parents=True, exist_ok=True)
    own = [sys.executable, "-m", "streamrecon.cohort.child", str(os.getpid())]
    with log.open("wb") as messages, pushed(scan) as labels:
        words = work.command(scan, place.tree)
        command = [*own, *words, *labels, "--output", str(scratch)]
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=messages,
            env=limits.environment(), check=False,
        ).returncode  # fmt: skip
    if status == 0:
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    reasons = [line.removeprefix(_REASON) for line in lines if line.startswith(_REASON)]
    ended = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
    if not reasons:
        return f"{ended}, see {log.relative_to(place.output)}"
    return reasons[-1].removeprefix(f"{scan.files[0].name}: ")


def _moved(scan: CohortScan, record: Record, scratch: Path, place: Place) -> Record:
    plan = planned(scratch, scan.entities)
    if not plan:
        return replace(record, state=FAILED, reason="the chain made no image that NIfTI can hold")
    record.write(place.record(scan))  # from here on what lies there is ours
    facts = _facts(plan, place.output / log_name(scan))
    outputs = _thumbnail(scan, plan, place)
    outputs |= move_results(plan, place.output, provenance_of(record))
    readings, kept = keep_readings(scan.name, scratch, place.own)
    for path in (
        *keep_sheets(scan.name, scratch, place.own),
        *keep_dicom(scan.name, scratch, place.own),
        *readings,
    ):
        outputs[path.relative_to(place.output).as_posix()] = path.stat().st_size
    facts |= {"light": kept.light, "light_reasons": list(kept.reasons)}
    facts["chi_ppb"] = region_means(kept.rows)
    return replace(record, state=DONE, outputs=outputs, facts=facts)


def _thumbnail(scan: CohortScan, plan: Iterable[Path], place: Place) -> dict[str, int]:
    picture = thumbnail_of(plan)
    if picture is None:
        return {}
    path = place.own / "thumbnails" / f"{scan.name}.png"
    with whole(path) as scratch:
        picture.save(scratch, optimize=True)
    return {path.relative_to(place.output).as_posix(): path.stat().st_size}


def _facts(plan: Mapping[Path, Any], log: Path) -> dict[str, Any]:
    """What an overview says of a scan, from the JSON of its last map, its SNR map and its log."""
    last = list(plan)[-1]
    beside = last.with_name(f"{last.name.removesuffix('.nii.gz')}.json")
    facts = json.loads(beside.read_text(encoding="utf-8"))
    found = {column: facts[name] for name, column in _FACTS.items() if name in facts}
    snr = median_snr(plan)
    if snr is not None:
        found["snr"] = round(snr, 1)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return {
        **found,
        "images": len(plan),
        "warnings": sum(line.startswith(_WARNING) for line in lines),
    }
