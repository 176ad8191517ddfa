"""One page that a person reads first: what was found, how sure it is, and pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from streamrecon.output.readings.report_model import (
    CohortRow,
    FigureRow,
    ReadingRow,
    Report,
    ScanRow,
    ValueRow,
)

_STYLE = """
body { background: #111; color: #ddd; font: 15px/1.4 sans-serif; margin: 1.5em; }
h1 { font-size: 1.3em; } h2 { font-size: 1.1em; margin: 0 0 .3em; }
article { background: #1b1b1b; border-radius: 6px; padding: .8em; margin: 0 0 1em; }
article.given, article.green { border-left: 6px solid #3a3; }
article.unjudged { border-left: 6px solid #888; }
article.flagged, article.amber { border-left: 6px solid #d90; }
article.refused, article.red { border-left: 6px solid #c33; }
table { border-collapse: collapse; margin: .6em 0; font-size: .85em; }
th, td { text-align: right; padding: .15em .7em; border-bottom: 1px solid #333; }
th:first-child, td:first-child { text-align: left; }
figure { margin: .6em 0; } img { max-width: 100%; } figcaption, p.how { color: #999; }
.research { color: #d90; } ul { margin: .3em 0; } footer { color: #777; font-size: .85em; }
"""
_WORDS = {"given": "given", "flagged": "given with a flag", "refused": "refused"}


def page_of(report: Report, folder: Path) -> str:
    """HTML with the pictures inside: nothing is loaded from anywhere.

    Parameters
    ----------
    report
        What is shown.
    folder
        Where the files of its figures are; one that has gone is left out.
    """
    title = escape(f"Readings of {report.scan.name}")
    articles = "\n".join(_article(reading, folder) for reading in report.readings)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="research">{escape(report.use)}</p>\n'
        f"<p>{escape(_of_what(report.scan))}</p>\n{articles}\n"
        f"<footer>streamrecon {escape(report.software.version)}. {escape(report.use)}</footer>\n"
        "</body></html>\n"
    )


def _of_what(scan: ScanRow | CohortRow) -> str:
    if isinstance(scan, CohortRow):
        return f"{scan.lines} lines of {scan.patients} patients"
    shape = " x ".join(str(n) for n in scan.shape[::-1])
    spacing = " x ".join(f"{mm:.2f}" for mm in scan.voxel_mm[::-1])
    times = ", ".join(f"{1e3 * te:.2f}" for te in scan.te_s)
    field = "" if scan.b0_t is None else f", {scan.b0_t:g} T"
    echoes = f", TE {times} ms" if times else ""
    return f"{shape} voxels of {spacing} mm{field}{echoes}"


def _article(reading: ReadingRow, folder: Path) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in reading.reasons)
    figures = "".join(_figure(figure, folder) for figure in reading.figures)
    tables = "".join(_table(values) for values in _alike(reading.values))
    sources = " ".join(f"doi:{escape(doi)}" for doi in reading.dois)
    light = "" if reading.light is None else f", light: {reading.light}"
    return (
        f'<article class="{reading.light or reading.outcome}"><h2>{escape(reading.kind)}: '
        f"{_WORDS[reading.outcome]}{light}</h2><ul>{reasons}</ul>{figures}{tables}"
        f'<p class="how">{escape(reading.method)} {sources}</p></article>'
    )


def _figure(figure: FigureRow, folder: Path) -> str:
    path = folder / Path(figure.file).name
    if not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f'<figure><img alt="{escape(figure.caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )


def _alike(values: Sequence[ValueRow]) -> list[dict[str, list[ValueRow]]]:
    """Subjects that have the same names of values, in one table: subject → its values."""
    by_subject: dict[str, list[ValueRow]] = {}
    for value in values:
        by_subject.setdefault(value.subject, []).append(value)
    tables: dict[tuple[str, ...], dict[str, list[ValueRow]]] = {}
    for subject, own in by_subject.items():
        tables.setdefault(tuple(value.name for value in own), {})[subject] = own
    return list(tables.values())


def _table(subjects: dict[str, list[ValueRow]]) -> str:
    first = next(iter(subjects.values()))
    heads = "".join(f"<th>{escape(_head(value))}</th>" for value in first)
    rows = "".join(_row(subject, own) for subject, own in subjects.items())
    return f"<table><tr><th></th>{heads}<th>quality</th><th>flags</th></tr>{rows}</table>"


def _head(value: ValueRow) -> str:
    unit = f" [{value.unit}]" if value.unit else ""
    return f"{value.name.replace('_', ' ')}{unit}"


def _row(subject: str, values: Sequence[ValueRow]) -> str:
    cells = "".join(f"<td>{_cell(value)}</td>" for value in values)
    quality = ", ".join(dict.fromkeys(value.quality for value in values if value.quality))
    flags = "; ".join(dict.fromkeys(flag for value in values for flag in value.flags))
    return (
        f"<tr><td>{escape(subject)}</td>{cells}<td>{escape(quality)}</td>"
        f"<td>{escape(flags)}</td></tr>"
    )


def _cell(value: ValueRow) -> str:
    if value.number is None:
        return "&ndash;"
    sigma = "" if value.sigma is None else f" &plusmn; {value.sigma:.2g}"
    return f"{value.number:.4g}{sigma}"
