"""Finds what was read from the sessions of a service, and the light of their quality."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

FOLDER, FILE = "readings", "analysis.json"
LIGHTS = ("", "green", "unjudged", "amber", "red")
"""From not known to bad."""
_NAME = re.compile(r"(?P<session>\w+)_run-\d+_readings")
_MOST_FILES = 4096  # whose content is remembered

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class KeptReadings:
    """The readings of one session, of all its repetitions.

    Parameters
    ----------
    rows
        Readings as the report has them.
    light
        The worst light of any of them, one of `LIGHTS`.
    reasons
        Why it is not green.
    """

    rows: tuple[Row, ...] = ()
    light: str = ""
    reasons: tuple[str, ...] = field(default=())


def kept_readings(storage: Path, sessions: Iterable[str]) -> dict[str, KeptReadings]:
    """The readings of those sessions that have some.

    Reports of other versions are read as far as they are like ours, and none stands in the way of
    another one.

    Parameters
    ----------
    storage
        The service's folder; `MakeReadings` writes into ``readings`` within it.
    sessions
        Their names.
    """
    wanted = set(sessions)
    files: dict[str, list[Path]] = {}
    try:
        folders = sorted((storage / FOLDER).iterdir())
    except OSError:
        return {}
    for folder in folders:
        named = _NAME.fullmatch(folder.name)
        if named and named["session"] in wanted:
            files.setdefault(named["session"], []).append(folder / FILE)
    return {session: readings_of(paths) for session, paths in files.items()}


def readings_of(paths: Sequence[Path]) -> KeptReadings:
    """The readings of those reports together; one that cannot be read has none."""
    rows = tuple(row for path in paths for row in _rows_now(path))
    light = max((_light(row) for row in rows), key=LIGHTS.index, default="")
    reasons = tuple(
        dict.fromkeys(
            str(reason)
            for row in rows
            if _light(row) not in {"", "green"}
            for reason in _sequence(row.get("reasons"))
        )
    )
    return KeptReadings(rows, light, reasons)


def _light(row: Row) -> str:
    light = row.get("light")
    return light if isinstance(light, str) and light in LIGHTS else ""


def _rows_now(path: Path) -> tuple[Row, ...]:
    try:
        changed = path.stat().st_mtime_ns
    except OSError:  # not written yet
        return ()
    return _rows(path, changed)


@lru_cache(_MOST_FILES)
def _rows(path: Path, _changed: int) -> tuple[Row, ...]:
    try:
        report = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return ()
    rows = _sequence(report.get("readings")) if isinstance(report, dict) else ()
    return tuple(row for row in rows if isinstance(row, dict))


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
