"""Defines options common to several subcommands: chain, storage, folder for the images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from streamrecon.commands.run_setup.existing import there
from streamrecon.errors import ConfigError
from streamrecon.mrd.files.open_scan import header_of, lines_of
from streamrecon.output.formats import FORMATS, ScanResults, usual_formats, write_harvest


def add_chain(
    parser: argparse._ActionsContainer,
    meaning: str,
    *,
    default: str | None = None,
    required: bool = True,
) -> None:
    """Which chain, and parameters of its gadgets."""
    parser.add_argument(
        "--config",
        required=required and default is None,
        default=default,
        metavar="NAME|FILE.xml",
        help=meaning,
    )
    parser.add_argument(
        "--set",
        dest="values",
        type=_assignment,
        action="append",
        default=[],
        metavar="[GADGET.]NAME=VALUE",
        help="set a gadget's parameter; may be repeated",
    )


def add_storage(parser: argparse.ArgumentParser) -> None:
    """Where earlier scans left what later ones need."""
    parser.add_argument(
        "--storage", type=Path, metavar="DIR", help="noise of earlier scans (the service's folder)"
    )


def add_output(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Where images go, in which formats, and which group of a file is read."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help=meaning)
    parser.add_argument(
        "--format",
        type=_formats,
        default=None,
        metavar="NAMES",
        help=f"which of {','.join(FORMATS)} to write (all, DICOM if the chain makes it)",
    )
    parser.add_argument("--group", metavar="NAME", help="group of the scan in the file (dataset)")


def add_header(parser: argparse.ArgumentParser) -> None:
    """Whose header images have that came without one."""
    parser.add_argument(
        "--header",
        type=there,
        metavar="FILE",
        help="header for images that have none, as Gadgetron's client writes them: the scan's MRD"
        " file, or XML",
    )


def given_header(options: argparse.Namespace) -> bytes | None:
    """The header that was given.

    Raises
    ------
    ProtocolError
        If the file has none.
    """
    return None if options.header is None else header_of(options.header)


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"found {text!r}, needed NAME=VALUE")
    return name, value


def _formats(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(f"found {','.join(unknown)}, needed {','.join(FORMATS)}")
    return names


def lines_if_shown(options: argparse.Namespace, file: Path) -> int | None:
    """Lines of a scan for a progress line, which only a terminal has: counting opens the file.

    Raises
    ------
    ProtocolError
        If the file cannot be read.
    """
    shown = sys.stderr.isatty() and options.header is None
    return lines_of(file, options.group) if shown else None


def writable(folder: Path) -> Path:
    """The folder, after a file was written where it is or will be: before the work, not after it.

    Raises
    ------
    ConfigError
        If it is a file, or its nearest parent takes none.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as e:
        raise ConfigError(f"--output {folder}: {there}: {e.strerror or e}") from e
    return folder


def write(harvest: ScanResults, folder: Path, formats: Sequence[str] | None) -> None:
    """Write what a scan gave, in the usual formats if none are named, and print the paths."""
    for path in write_harvest(harvest, folder, formats or usual_formats(harvest)):
        print(path)
