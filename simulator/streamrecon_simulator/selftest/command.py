"""`streamrecon selftest`: a site's acceptance test of its running service."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import numpy as np

from streamrecon.client import Server
from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.mrd.images.volumes_from_images import stacks_of
from streamrecon.mrd.wire.messages import Image
from streamrecon_simulator.client import Played, play
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.selftest.refusals import check_folder, check_service
from streamrecon_simulator.selftest.report import (
    FILES,
    check_report,
    read_key,
    report_of,
    signed,
    write_report,
)
from streamrecon_simulator.selftest.rows import NEEDED, Maps, Row, judge, missing, table_of
from streamrecon_simulator.selftest.scans import TestScan, scans

_CHAIN = "gre_readings"
_IDLE_S = 600.0  # an inversion on a busy machine
_FIRST_SCAN_S = 90.0  # for a scan, until one has been timed


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Plays simulated scans of one head to a running service, two grids in two orientations, "
        "and compares what comes back with the truth: susceptibility, nuclei, a bleed and a "
        "calcification, veins, a rim, a mixture of sources, R2*. Exit status: 0 all rows pass, 1 "
        "not, 2 asked for what cannot be done. A pass says that the installation works as it was "
        "made to, and nothing of a scanner."
    )
    parser.add_argument(
        "--against", default="127.0.0.1:9002", metavar="HOST:PORT", help="the service (%(default)s)"
    )  # fmt: skip
    parser.add_argument("--config", default=_CHAIN, metavar="NAME", help="chain (%(default)s)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for selftest.json and selftest.txt"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="write over the report of an earlier selftest"
    )
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="key that signs the report (HMAC-SHA256)"
    )
    parser.add_argument(
        "--verify", type=Path, metavar="FILE", help="only say whether the key signed this report"
    )
    parser.add_argument(
        "--small", action="store_true", help="one scan on a coarse grid: whether the way is open"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play, judge, report; 0 where every row passes.

    Raises
    ------
    ConfigError
        If it is asked for what cannot be done: before a scan is simulated.
    DeliveryError
        If no service is there.
    """
    key = None if options.key_file is None else read_key(options.key_file)
    if options.verify is not None:
        if key is None:
            raise ConfigError("--verify: found no key, needed --key-file")
        genuine = check_report(options.verify, key)
        print(f"{options.verify}: {'signed by this key' if genuine else 'NOT signed by this key'}")
        return 0 if genuine else 1
    server = Server.parse(options.against)
    address = server.host, server.port
    if options.output is not None:
        check_folder(options.output, FILES, overwrite=options.overwrite)
    check_service(address, options.config)
    began, now = monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    rows = list(_rows(scans(small=options.small), address, options.config))
    report = report_of(
        rows, against=str(server), chain=options.config, began=now,
        seconds=monotonic() - began,
    )  # fmt: skip
    if options.output is not None:
        for path in write_report(
            options.output, report if key is None else signed(report, key), rows
        ):
            print(path)
    failed = sum(not row.passes for row in rows)
    print(f"{'PASS' if not failed else 'FAIL'}: {len(rows) - failed} of {len(rows)} rows pass")
    return 0 if not failed else 1


def _rows(wanted: tuple[TestScan, ...], address: tuple[str, int], chain: str) -> Iterable[Row]:
    """Rows of each scan, printed as they are there."""
    began = monotonic()
    for number, scan in enumerate(wanted):
        passed = monotonic() - began
        each = passed / number if number else _FIRST_SCAN_S
        _progress(f"scan {number + 1} of {len(wanted)}, {scan.name}", each * (len(wanted) - number))
        played = play(simulate(scan.scene).messages(), address, chain, idle_s=_IDLE_S)
        rows = _judged(scan, played)
        for line in table_of(rows):
            print(line, flush=True)
        yield from rows


def _judged(scan: TestScan, played: Played) -> list[Row]:
    """The rows of what came back; all fail where it is not whole or cannot be read."""
    for text in played.texts:
        if text.startswith("ERR"):
            print(f"{scan.name}: {text}", file=sys.stderr)
    if not played.complete:
        return missing(scan.name)
    try:
        maps = _maps(played.images)
        if lacking := ", ".join(sorted(NEEDED - maps.keys())):
            print(f"{scan.name}: the chain sent no {lacking}; their rows fail", file=sys.stderr)
        return judge(scan.name, scan.scene, maps)
    except (StreamReconError, ValueError, IndexError) as e:
        print(f"{scan.name}: {e}", file=sys.stderr)
        return missing(scan.name)


def _maps(images: Iterable[Image]) -> Maps:
    return {
        stack.label: np.asarray(stack.values, np.float32)
        for stack in stacks_of(images)
        if not np.iscomplexobj(stack.values)
    }


def _progress(what: str, seconds: float) -> None:
    """A line of its own: terminals and logs take it."""
    print(f"{what}; about {seconds / 60:.1f} min to go", file=sys.stderr, flush=True)
