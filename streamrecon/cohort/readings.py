"""Keeps what a chain read from a scan's maps beside the data set, with the light of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from streamrecon.output.readings.by_session import FILE, FOLDER, KeptReadings, readings_of
from streamrecon.output.readings.report import PAGE


def keep_readings(name: str, made: Path, own: Path) -> tuple[list[Path], KeptReadings]:
    """Move a scan's reports to `report_page`, one folder a repetition; give files and readings.

    Parameters
    ----------
    name
        Of the scan.
    made
        Folder in which the chain left its results.
    own
        Folder of the records, logs and sheets.
    """
    files: list[Path] = []
    reports: list[Path] = []
    for number, report in enumerate(sorted(made.rglob(f"*_{FOLDER}/{FILE}")), start=1):
        kept = _folder(name, own, number)
        shutil.rmtree(kept, ignore_errors=True)  # of an earlier run, or of one that was killed
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(report.parent, kept)
        files += sorted(path for path in kept.rglob("*") if path.is_file())
        reports.append(kept / FILE)
    return files, readings_of(reports)


def report_page(name: str, own: Path) -> Path:
    """The page of a scan's first report, which need not be there."""
    return _folder(name, own, 1) / PAGE


def _folder(name: str, own: Path, number: int) -> Path:
    return own / FOLDER / (name if number == 1 else f"{name}_{number}")
