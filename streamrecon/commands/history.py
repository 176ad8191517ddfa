"""`streamrecon history`: lists the scans that a service has served, or writes them as CSV."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from streamrecon.errors import ConfigError
from streamrecon.output.readings import kept_readings
from streamrecon.server.settings import load_settings
from streamrecon.server.watching.outcome_words import outcome_words
from streamrecon.storage.scan_table import COLUMNS, NAME, Row, ScanTable

_DAY_S = 86400.0
_FEW, _ALL = 20, 1 << 40
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LISTS = ("stages", "stage_s", "notices")


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "List the scans of a service, the last one first. The record holds no patient data."
    )
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="the service's settings")
    parser.add_argument("--storage", type=Path, metavar="DIR", help="folder; as in the settings")
    parser.add_argument(
        "-n", "--limit", type=int, metavar="N", help="at most (20; all as CSV, JSON)"
    )
    parser.add_argument("--days", type=float, metavar="N", help="only the last N days")
    parser.add_argument("--session", default="", metavar="ID", help="all that is known of this one")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="as CSV, with all columns")
    form.add_argument("--json", action="store_true", help="as JSON, one object a line")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what was recorded."""
    settings = load_settings({"storage": options.storage}, os.environ, options.settings).settings
    storage = settings.storage
    if storage is None or not (storage / NAME).exists():
        raise ConfigError(f"storage {storage or '(none)'}: found no record of scans")
    try:
        with ScanTable(storage) as table:
            rows = list(_chosen(table, options))
    except sqlite3.Error as e:
        raise ConfigError(f"{storage / NAME}: {e}") from e
    read = kept_readings(storage, (str(row["session"]) for row in rows))
    for row in rows:
        kept = read.get(str(row["session"]))
        row["qc"] = "" if kept is None else kept.light
    if options.csv:
        _write_csv(rows)
    elif options.json or options.session:
        for row in rows:
            print(json.dumps(row, indent=None if options.json else 2, ensure_ascii=False))
    else:
        for row in rows:
            print(_line(row))
    return 0


def _chosen(table: ScanTable, options: argparse.Namespace) -> Iterable[Row]:
    if options.session:
        row = table.find(options.session)
        if row is None:
            raise ConfigError(f"--session: found no scan {options.session!r}")
        return [row]
    after = 0.0 if options.days is None else time.time() - options.days * _DAY_S
    limit = options.limit
    if limit is None:
        limit = _ALL if options.csv or options.json else _FEW
    return table.latest(max(limit, 0), after=after)


def _line(row: Row) -> str:
    began = datetime.fromtimestamp(float(str(row["began"]))).astimezone()
    outcome = outcome_words(str(row["outcome"]))
    return (
        f"{began:%Y-%m-%d %H:%M:%S}  {row['session']}  {outcome:15s} QC {row['qc'] or '-':5s}"
        f" {float(str(row['seconds'])):8.1f} s {row['lines']:>8} lines {row['images']:>5} images"
        f"  {row['config']}  {row['protocol'] or '-'}"
    )


def _write_csv(rows: Iterable[Row]) -> None:
    columns = [*(name for name in COLUMNS if name != "details"), "qc", *_LISTS]
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name, "")) for name in columns])


def _cell(value: object) -> object:
    """A text that no spreadsheet takes for a formula: names come from the wire.

    >>> _cell("=1+2"), _cell(["a", 1]), _cell(-1.5)
    ("'=1+2", 'a; 1', -1.5)
    """
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
