"""The command line: finds the subcommand, runs it, and turns errors into an exit status.

A subcommand's module is loaded when it is named: `streamrecon serve` listens without the gadgets,
which only its workers need. Installed packages add subcommands by the entry-point group
`streamrecon.commands`: each is a module with the function ``add`` that those of ours have.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper
from types import ModuleType

from streamrecon import __version__
from streamrecon.console import complain, keep_warnings_back, tell_renamed
from streamrecon.errors import ConfigError, StreamReconError, in_words

_DESCRIPTION = "Inline multi-echo GRE reconstruction: k-space in over MRD, images out."
_EPILOG = (
    "Exit status: 0 all done; 1 a scan or a server failed; 2 asked for what cannot be done, "
    "as of a file that is not there."
)

COMMANDS = {
    "serve": "reconstruct the scans that clients send",
    "send": "send a scan to a server, write what comes back",
    "replay": "reconstruct files without a server",
    "maps": "all maps of magnitude and phase in NIfTI or DICOM files",
    "qsm": "susceptibility of magnitude and phase in NIfTI or DICOM files",
    "batch": "reconstruct all scans of a folder into BIDS derivatives",
    "pipe": "reconstruct a stream from stdin to stdout",
    "convert": "write a scan in another form of MRD",
    "web": "show the scans of a running service to browsers",
    "doctor": "look at machine and settings of a service, say what to do",
    "status": "show what a running service does",
    "history": "list the scans of a service, or write them as CSV",
    "spool": "see and move images that wait for archives",
    "check": "check a chain file, show what it will do",
    "analyze": "read lesions, veins, iron and more from a folder of maps",
    "show": "draw all images of a folder on one page",
    "phase-sign": "find a scanner's phase sign by a phantom",
    "gadgets": "list what a chain file may name",
}
"""Subcommands, each a module of `streamrecon.commands`, and what each is for."""
GROUP = "streamrecon.commands"
"""Entry points of subcommands of installed packages; a name of ours is never replaced."""
OLD_COMMANDS = {"polarity": "phase-sign"}
"""Names that subcommands had before → those of today."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal without UTF-8 gets "?", no traceback
            stream.reconfigure(errors="replace")
    keep_warnings_back()
    words = _of_today(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser(words).parse_args(words)
        status: int = options.run(options)
    except StreamReconError as e:
        return _failed(str(e), 2 if isinstance(e, ConfigError) else 1)
    except MemoryError as e:
        return _failed(in_words(e), 1)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as e:
        return _failed(f"{e.filename or 'system'}: {e.strerror or e}", 1)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    return status


def _of_today(words: Sequence[str]) -> list[str]:
    """The words with the name that the subcommand has today."""
    command, *rest = words or ("",)
    if command not in OLD_COMMANDS:
        return list(words)
    tell_renamed(f"streamrecon {command}", OLD_COMMANDS[command])
    return [OLD_COMMANDS[command], *rest]


def _failed(reason: str, status: int) -> int:
    complain(reason)
    return status


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("streamrecon", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"streamrecon {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose)
        if name in words:
            import_module(f"streamrecon.commands.{name.replace('-', '_')}").add(command)
    if not words or words[0] not in COMMANDS:
        for entry in _installed():
            command = commands.add_parser(entry.name, help=_of_package(entry))
            if entry.name in words:
                _loaded(entry).add(command)
    return parser


def _installed() -> list[EntryPoint]:
    """Subcommands of packages, where they have names of their own."""
    found = {each.name: each for each in entry_points(group=GROUP) if each.name not in COMMANDS}
    return [found[name] for name in sorted(found)]


def _of_package(entry: EntryPoint) -> str:
    package = entry.module.partition(".")[0]
    return f"of the installed package {package}"


def _loaded(entry: EntryPoint) -> ModuleType:
    """The module of a subcommand.

    Raises
    ------
    ConfigError
        If it fails or is none.
    """
    try:
        module = entry.load()
    except (Exception, SystemExit) as e:
        raise ConfigError(f"{_of_package(entry)}: {entry.name} cannot be loaded: {e}") from e
    if not isinstance(module, ModuleType) or not hasattr(module, "add"):
        raise ConfigError(f"{_of_package(entry)}: {entry.value} is no module of a subcommand")
    return module
