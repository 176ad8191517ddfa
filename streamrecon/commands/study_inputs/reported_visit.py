"""A visit as its report has it: the values of its iron reading, and how its maps were made."""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamrecon.analysis.deep_nuclei.change import Visit
from streamrecon.analysis.reading import Value
from streamrecon.commands.study_inputs.cohort_table import reading_of
from streamrecon.errors import DataError
from streamrecon.output.readings.report_model import Report, ScanRow


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


def scan_facts(voxel_mm: Sequence[float], b0_t: float, te_s: Sequence[float]) -> dict[str, str]:
    """What changes numbers if it changes, of the scan."""
    return {
        "voxel": " × ".join(f"{mm:.2f}" for mm in voxel_mm) + " mm",
        "field": f"{b0_t:.2f} T",
        "echo times": ", ".join(f"{1e3 * te:.2f}" for te in te_s) + " ms",
    }
