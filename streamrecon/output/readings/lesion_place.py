"""Where the lesion lies that a person will want to see first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from streamrecon.output.readings.by_session import FILE, Row

Point = tuple[float, float, float]
"""Towards left, posterior, superior [mm]."""

_SIDES = ("left", "posterior", "superior")


def strongest_lesion(rows: Iterable[Row]) -> Point | None:
    """The place of the lesion with the largest dipole moment of either sign, if any was read.

    Parameters
    ----------
    rows
        Readings as a report has them.
    """
    found: dict[str, dict[str, float]] = {}
    for number, row in enumerate(rows):
        values = row.get("values")
        for value in values if row.get("kind") == "lesions" and isinstance(values, list) else ():
            _note(value, f"{number} ", found)
    whole = [each for each in found.values() if each.keys() >= {"moment", *_SIDES}]
    if not whole:
        return None
    left, posterior, superior = (
        max(whole, key=lambda each: abs(each["moment"]))[side] for side in _SIDES
    )
    return left, posterior, superior


def _note(value: object, prefix: str, found: dict[str, dict[str, float]]) -> None:
    if not isinstance(value, Mapping):
        return
    name, number = value.get("name"), value.get("number")
    if isinstance(name, str) and isinstance(number, int | float):
        found.setdefault(f"{prefix}{value.get('subject')}", {})[name] = float(number)


def lesion_below(folder: Path) -> Point | None:
    """The same of the one report in a folder of results, or beside its images; of several none."""
    reports = [*folder.glob(FILE), *folder.glob(f"*_readings/{FILE}")]
    if len(reports) != 1:
        return None
    try:
        rows = json.loads(reports[0].read_bytes())["readings"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return strongest_lesion(row for row in rows if isinstance(row, dict))
