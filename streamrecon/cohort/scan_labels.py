"""Label maps of regions for the scans of a cohort, and what was read in the regions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from streamrecon.analysis.deep_nuclei.iron_rows import WHOLE_MEAN
from streamrecon.cohort.scan_tree import CohortScan
from streamrecon.errors import ConfigError

LABELS = "MakeReadings.labels"
"""The parameter of a chain that names a scan's label map."""

_FOLDER = "labels"  # of a service's storage
_MAP = ".nii.gz"
_NAMES = (".json", ".tsv")  # of the regions, in a file beside the map
_IRON, _MEANS = "iron", (WHOLE_MEAN, "robust_mean_chi")  # the first that a region has


def with_labels(scans: Sequence[CohortScan], folder: Path) -> list[CohortScan]:
    """The scans, those with their label map whose name is in the folder: ``sub-01.nii.gz``.

    Raises
    ------
    ConfigError
        If no scan has one.
    """
    found = [replace(scan, labels=_files_of(scan, folder)) for scan in scans]
    if not any(scan.labels for scan in found):
        raise ConfigError(
            f"--labels {folder}: found no label map of a scan, needed {scans[0].name}{_MAP} and "
            "so on"
        )
    return found


def _files_of(scan: CohortScan, folder: Path) -> tuple[Path, ...]:
    path = folder / f"{scan.name}{_MAP}"
    if not path.is_file():
        return ()
    beside = (folder / f"{scan.name}{ending}" for ending in _NAMES)
    return path, *(each for each in beside if each.is_file())


@contextmanager
def pushed(scan: CohortScan) -> Iterator[tuple[str, ...]]:
    """Words of a command line that give a chain the scan's label map, as if a client had."""
    if not scan.labels:
        yield ()
        return
    with TemporaryDirectory() as storage:
        there = Path(storage) / _FOLDER
        there.mkdir()
        for path in scan.labels:
            shutil.copyfile(path, there / path.name)
        yield "--storage", storage, "--set", f"{LABELS}={scan.labels[0].name}"


def region_means(readings: Sequence[Mapping[str, object]]) -> str:
    """Mean χ of each region in a report's readings, "putamen 41, pallidum 128"; ppb.

    Against the first reference of the report, which is the chain's.
    """
    found: dict[str, dict[str, float]] = {}
    for row in readings:
        values = row.get("values") if row.get("kind") == _IRON else None
        for value in values if isinstance(values, list) else ():
            number = value.get("number")
            if value.get("name") in _MEANS and isinstance(number, (int, float)):
                found.setdefault(value["subject"], {}).setdefault(value["name"], number)
    best = {
        region: next(means[name] for name in _MEANS if name in means)
        for region, means in found.items()
    }
    return ", ".join(f"{region} {number:.0f}" for region, number in best.items())
