"""`streamrecon doctor`: looks at machine and settings, and says what to do."""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import requires, version
from pathlib import Path

from streamrecon_gadgets import REGISTRY

from streamrecon import __version__
from streamrecon.server.health.doctor import Finding, examine
from streamrecon.server.settings import load_settings
from streamrecon.stream.chainfile.build import build_chain


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Look at ports, access, folders, quotas, chains, archives, clock, threads and memory with "
        "the settings of the service, and say what to do. Run it as the service's user, before the "
        "service. Exit status: 0 ready; 1 something is wrong that costs scans; 2 wrong settings."
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="TOML file of the service")
    parser.add_argument("--all", action="store_true", help="show what is right too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 if a scan would suffer."""
    settings = load_settings({}, os.environ, options.settings).settings
    print(f"streamrecon {__version__}, Python {platform.python_version()}, {_packages()}")
    grave = False
    for finding in examine(settings, lambda text: build_chain(text, REGISTRY)):
        if finding.fault or options.all:
            print(_line(finding), flush=True)
        grave |= bool(finding.fault) and finding.is_grave
    print("not ready" if grave else "ready")
    return 1 if grave else 0


def _line(finding: Finding) -> str:
    if not finding.fault:
        return f"ok    {finding.subject}"
    level = "FAULT" if finding.is_grave else "hint "
    return f"{level} {finding.subject}: {finding.fault}\n      to do: {finding.advice}"


def _packages() -> str:
    """Versions of what computes; the others are in `pip list`."""
    needed = requires("streamrecon") or []
    shown = ("numpy", "scipy", "numba", "pyfftw", "pydicom", "pynetdicom")
    names = (name for name in shown if any(entry.lower().startswith(name) for entry in needed))
    return ", ".join(f"{name} {version(name)}" for name in names)
