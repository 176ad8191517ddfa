"""A visit as its report has it: the values of its iron reading, and how its maps were made."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from streamrecon.analysis.deep_nuclei.change import Visit
from streamrecon.analysis.reading import Value
from streamrecon.errors import DataError
from streamrecon.output.readings.report_model import ReadingRow, Report, ScanRow
from streamrecon.qsm.solvers import without_ends

_NUMBER = re.compile(r"[-+]?\d[\d.e-]*")


def reported_visit(report: Report, where: str) -> Visit:
    """The visit of a report that has an iron reading.

    Raises
    ------
    DataError
        If it has none, or is that of a study.
    """
    scan, iron = report.scan, reading_of(report, "iron", where)
    if not isinstance(scan, ScanRow):
        raise DataError(f"{where}: found the report of a study, needed that of a scan")
    values = [
        Value(
            subject=row.subject, name=row.name, number=row.number, unit=row.unit, sigma=row.sigma,
            reference=row.reference, voxels=row.voxels, flags=row.flags,
        )
        for row in iron.values
        if row.number is not None
    ]  # fmt: skip
    made = scan_facts(scan.voxel_mm, scan.b0_t or math.nan, scan.te_s)
    for name in ("reconstruction", "erode_mm"):
        made[name] = str(iron.parameters.get(name, "unknown"))
    return Visit(values=values, made=made)


def visit_in(path: Path) -> Visit:
    """The visit of a file.

    Raises
    ------
    DataError
        If it is no report of a scan with an iron reading.
    """
    try:
        report = Report.model_validate_json(path.read_bytes())
    except OSError as e:
        raise DataError(f"{path.name}: cannot be read: {e.strerror}") from e
    except ValidationError as e:
        raise DataError(f"{path.name}: is no report of readings") from e
    return reported_visit(report, path.name)


def reading_of(report: Report, kind: str, where: str) -> ReadingRow:
    """The reading of a kind.

    Raises
    ------
    DataError
        If there is none.
    """
    for reading in report.readings:
        if reading.kind == kind:
            return reading
    raise DataError(f"{where}: found no {kind} reading")


def how_made(comments: str | Iterable[str], version: str) -> str:
    """What a χ map says of its making, a sign in place of each number: those are the scan's.

    How near its end an iteration came is the scan's too, and not in it.

    >>> end = "cost at most 33 % above its minimum"
    >>> how_made((f"inversion: TV, 20 steps, {end}", "zero: whole brain"), "1.2")
    'inversion: TV, # steps; zero: whole brain; version 1.2'
    """
    words = without_ends(comments if isinstance(comments, str) else "; ".join(comments))
    return f"{_NUMBER.sub('#', words)}; version {version}"


def scan_facts(voxel_mm: Sequence[float], b0_t: float, te_s: Sequence[float]) -> dict[str, str]:
    """What changes numbers if it changes, of the scan."""
    return {
        "voxel": " × ".join(f"{mm:.2f}" for mm in voxel_mm) + " mm",
        "field": f"{b0_t:.2f} T",
        "echo times": ", ".join(f"{1e3 * te:.2f}" for te in te_s) + " ms",
    }
