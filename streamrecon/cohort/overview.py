"""One page and one table for a cohort: a row for each scan."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from streamrecon import __version__
from streamrecon.cohort.job import DONE, Record
from streamrecon.cohort.readings import report_page
from streamrecon.cohort.scan_tree import CohortScan
from streamrecon.cohort.thumbnail import SIDE
from streamrecon.output.readings.by_session import LIGHTS
from streamrecon.storage.atomic_file import whole

_COLUMNS = (
    "scan", "state", "light", "reason", "warnings", "snr", "seconds", "images", "b0_t", "scanner",
    "phase_sign", "phase_sign_origin", "chi_ppb", "files",
)  # fmt: skip
_HEADS = {
    "snr": "SNR", "seconds": "time [s]", "b0_t": "B0 [T]", "phase_sign": "phase sign",
    "phase_sign_origin": "sign from", "chi_ppb": "χ of regions [ppb]",
}  # fmt: skip
"""What a person reads above a column, where that is not its name in the table."""
_PICTURES = "magnitude, SWI, χ"
_STYLE = """
body { background: #111; color: #ddd; font: 14px/1.4 sans-serif; margin: 1.5em; }
table { border-collapse: collapse; } td, th { padding: .3em .8em; text-align: left; }
tr { border-bottom: 1px solid #333; content-visibility: auto; contain-intrinsic-size: 1px 70px; }
tr.failed td { color: #fa8; } th, td:nth-child(2), td:nth-child(4) { white-space: nowrap; }
a { color: #8cf; } td.green, td.green a { color: #4b4; }
td.unjudged, td.unjudged a { color: #999; }
td.amber, td.amber a { color: #d90; } td.red, td.red a { color: #d44; }
img { display: block; background: #222; }
"""
_UNJUDGED = "unjudged"
_THUMBNAIL = (3 * SIDE, SIDE)  # pixels; the row keeps its height before the picture is there

Row = dict[str, str]


def write_overview(
    scans: Sequence[CohortScan],
    records: Mapping[str, Record],
    refused: Mapping[str, str],
    own: Path,
) -> Path:
    """Write overview.tsv and overview.html into ``own``; give the page's path.

    Parameters
    ----------
    scans
        All of the tree, in the order of the rows.
    records
        Those of scans that were run, by name.
    refused
        Why scans were not run, by name.
    own
        Folder of the records, logs and sheets.
    """
    rows = [_row(scan, records.get(scan.name), refused.get(scan.name, "")) for scan in scans]
    table = io.StringIO()
    writer = csv.DictWriter(table, _COLUMNS, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    page = own / "overview.html"
    for path, text in ((own / "overview.tsv", table.getvalue()), (page, _page(rows, own))):
        with whole(path) as scratch:
            scratch.write_text(text, encoding="utf-8")
    return page


def _row(scan: CohortScan, record: Record | None, refused: str) -> Row:
    values: dict[str, object] = {"scan": scan.name, "files": len(scan.files), "state": "not run"}
    if record is not None:
        values |= {**record.facts, "state": record.state, "seconds": record.seconds}
        values["reason"] = record.reason or "; ".join(record.facts.get("light_reasons", ()))
    if refused:
        values |= {"state": "refused", "reason": refused}
    values["light"] = _light(values)
    if values["light"] == _UNJUDGED and not values["reason"]:
        values["reason"] = "the quality of its maps was not read"
    return {name: " ".join(str(values.get(name, "")).split()) for name in _COLUMNS}


def _light(values: Mapping[str, object]) -> str:
    """Red: no results; else the worse of the log's (amber where it warns) and the readings'.

    A scan whose quality was not read is not judged: a log without warnings says nothing of maps.
    """
    if values["state"] != DONE:
        return "" if values["state"] == "not run" else "red"
    read = str(values.get("light", ""))
    of_log = "amber" if values.get("warnings") else ""
    return max(of_log, read if read in LIGHTS[1:] else _UNJUDGED, key=LIGHTS.index)


def _page(rows: Sequence[Row], own: Path) -> str:
    done = sum(row["state"] == DONE for row in rows)
    heads = (_PICTURES, *(_HEADS.get(name, name) for name in _COLUMNS))
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "\n".join(_line(row, own) for row in rows)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Cohort</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{done} of {len(rows)} scans done</h1>\n"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>\n"
        f"<footer>streamrecon {__version__}. For research, not for diagnosis.</footer>\n"
        "</body></html>\n"
    )


def _line(row: Row, own: Path) -> str:
    name = row["scan"]
    pages = {"light": report_page(name, own)}
    cells = "".join(_cell(column, row[column], pages.get(column), own) for column in _COLUMNS[1:])
    log = f'<a href="logs/{escape(name)}.log">{escape(name)}</a>'
    state = "" if row["state"] == DONE else ' class="failed"'
    return f"<tr{state}><td>{_picture(name, own)}</td><td>{log}</td>{cells}</tr>"


def _cell(column: str, text: str, page: Path | None, own: Path) -> str:
    light = f' class="{text}"' if column == "light" and text else ""
    shown = f"{'&#9679; ' if light else ''}{escape(text)}"
    if page is not None and page.is_file():
        shown = f'<a href="{escape(page.relative_to(own).as_posix())}">{shown}</a>'
    return f"<td{light}>{shown}</td>"


def _picture(name: str, own: Path) -> str:
    if not (own / "thumbnails" / f"{name}.png").is_file():
        return ""
    wide, high = _THUMBNAIL
    picture = (
        f'<img loading="lazy" width="{wide}" height="{high}" alt="" '
        f'src="thumbnails/{escape(name)}.png">'
    )
    sheet = own / "sheets" / f"{name}.png"
    return f'<a href="sheets/{escape(name)}.png">{picture}</a>' if sheet.is_file() else picture
