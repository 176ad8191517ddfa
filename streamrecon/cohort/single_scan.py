"""Adds the results of one scan to a BIDS derivative data set, which may hold others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

from streamrecon import __version__
from streamrecon.cohort.data_set import (
    OWN_FOLDER,
    add_participant,
    begin_data_set,
    move_results,
    planned,
)
from streamrecon.cohort.entities import ORDER, Entities, entities_of, prefix
from streamrecon.cohort.job import sha256_of
from streamrecon.cohort.own_files import keep_dicom, keep_sheets
from streamrecon.cohort.readings import keep_readings
from streamrecon.errors import ConfigError

_NAME = re.compile(rf"sub-[A-Za-z0-9]+(_({'|'.join(ORDER[1:])})-[A-Za-z0-9]+)*")


def entities_named(text: str) -> Entities:
    """Whose a scan is, and which of several, in a person's words.

    Raises
    ------
    ConfigError
        If they are no entities of a scan.

    Examples
    --------
    >>> entities_named("sub-01_ses-2")
    {'sub': '01', 'ses': '2'}
    """
    found = entities_of(PurePath(text)) if _NAME.fullmatch(text) else {}
    if len(found) != len(text.split("_")):
        names = ", ".join(f"{name}-" for name in ORDER[1:])
        raise ConfigError(f"--bids {text}: needed sub-01, or that with {names} behind _")
    return found


def add_to_data_set(
    made: Path, scan: Entities, output: Path, provenance: dict[str, Any]
) -> list[Path]:
    """Move what a reconstruction left in ``made`` to its names in the data set; give the files.

    Files of the same names are replaced.

    Raises
    ------
    ConfigError
        If ``output`` is a data set of another type.
    """
    begin_data_set(output, output.name)
    name, own = prefix(scan), output / OWN_FOLDER
    images = move_results(planned(made, scan), output, provenance)
    readings, _ = keep_readings(name, made, own)
    add_participant(output, scan["sub"])
    kept = (*keep_sheets(name, made, own), *keep_dicom(name, made, own), *readings)
    return [*(output / path for path in images), *kept]


def provenance_of_files(command: Iterable[str], files: Iterable[Path]) -> dict[str, Any]:
    """What made a map: version, command, and the checksum of each file, in given folders too.

    Names are those in the folder that was given: where it lies is nobody's business.
    """
    sums = {
        path.relative_to(each.parent).as_posix(): f"sha256:{sha256_of(path)}"
        for each in dict.fromkeys(files)
        for path in _files_in(each)
    }
    return {
        "Software": "streamrecon",
        "Version": __version__,
        "Command": ["streamrecon", *(word.rpartition(os.sep)[2] for word in command)],
        "Inputs": sums,
    }


def _files_in(place: Path) -> list[Path]:
    return sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place]
