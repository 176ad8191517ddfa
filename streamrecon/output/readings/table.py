"""The rows of a report as a table: tab-separated, one value a line."""

from __future__ import annotations

import csv
import io

from streamrecon.output.readings.report_model import Report

COLUMNS = (
    "kind",
    "outcome",
    "subject",
    "name",
    "number",
    "unit",
    "sigma",
    "reference",
    "voxels",
    "quality",
    "flags",
)


def table_of(report: Report) -> str:
    """One line for each value, ``n/a`` where there is no number; BIDS' form of a table.

    A refused reading has a line without a subject, its reasons in the place of the flags.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    for reading in report.readings:
        head = (reading.kind, reading.outcome)
        for each in reading.values:
            number, sigma = (_number(n) for n in (each.number, each.sigma))
            tail = (each.reference, each.voxels, each.quality, "; ".join(each.flags))
            writer.writerow((*head, each.subject, each.name, number, each.unit, sigma, *tail))
        if not reading.values:
            writer.writerow((*head, *[""] * 8, "; ".join(reading.reasons)))
    return text.getvalue()


def _number(number: float | None) -> str:
    return "n/a" if number is None else f"{number:.7g}"
