"""`streamrecon status`: what a running service does, and whether all around it is well."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from streamrecon.errors import ConfigError
from streamrecon.server.health import readiness
from streamrecon.server.health.readiness import Check
from streamrecon.server.settings import Settings, load_settings
from streamrecon.server.watching.outcome_words import outcome_words
from streamrecon.server.watching.scan_record import ScanRecord
from streamrecon.server.watching.watch_client import Board, board_of


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Show what a running service does. Exit status: 0 all is well, 1 something is not,"
        " or no service runs."
    )
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="the service's settings")
    parser.add_argument("--storage", type=Path, metavar="DIR", help="folder; as in the settings")
    parser.add_argument("--archives", action="store_true", help="ask the archives too (C-ECHO)")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the state."""
    settings = load_settings({"storage": options.storage}, os.environ, options.settings).settings
    if settings.storage is None:
        raise ConfigError("the settings have no storage: a service without one is not watched")
    board = board_of(settings.storage)
    checks = dict(_checks(settings, board, archives=options.archives))
    if options.json:
        print(json.dumps(_as_json(board, checks), ensure_ascii=False))
    else:
        print("\n".join(_lines(board, checks)))
    return int(any(check.fault for check in checks.values()))


def _checks(settings: Settings, board: Board, *, archives: bool) -> Iterator[tuple[str, Check]]:
    yield "workers", readiness.check_workers(board.service)
    yield "disk", readiness.check_disk(settings)
    yield "spool", readiness.check_spool(settings)
    yield "clock", readiness.check_clock()
    if archives:
        yield "archives", readiness.check_archives(settings)


def _as_json(board: Board, checks: dict[str, Check]) -> dict[str, object]:
    return {
        "service": board.service,
        "checks": {n: {"fault": c.fault, "warning": c.warning} for n, c in checks.items()},
        "scans": [scan.as_facts(notices=True) for scan in board.scans.values()],
    }


def _lines(board: Board, checks: dict[str, Check]) -> Iterator[str]:
    service = board.service
    up = timedelta(seconds=round(float(str(service["now"])) - float(str(service["began"]))))
    yield (
        f"streamrecon {service['version']}, up {up}: {service['busy']} of {service['sessions']}"
        f" places taken, {service['idle']} idle workers, {service['waiting']} clients wait"
    )
    for name, check in checks.items():
        yield f"{name:9s} {check.fault or check.warning or 'ok'}"
    for scan in board.scans.values():
        yield _scan_line(scan)
        if scan.ended and scan.outcome != "complete":
            yield f"          {scan.reason}"


def _scan_line(scan: ScanRecord) -> str:
    began = time.strftime("%H:%M:%S", time.localtime(scan.began))
    at_work = ", ".join(scan.stages[n] for n in scan.at_work if n < len(scan.stages))
    state = outcome_words(scan.outcome)
    if not scan.ended and at_work:
        state = f"{state}: {at_work}"
    return (
        f"{began}  {scan.session}  {scan.seconds:7.1f} s  {scan.lines:7d} lines"
        f"  {scan.images:4d} images  {scan.config}  {scan.protocol or '-'}  {state}"
    )
