"""`streamrecon serve`: runs the service."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from streamrecon.client import Server
from streamrecon.server.doors.listening_sockets import Address
from streamrecon.server.listener import serve
from streamrecon.server.settings import Origin, Settings, load_settings, shown
from streamrecon.server.workers.worker import ImportPath

_log = logging.getLogger(__name__)

_EQUIP = ImportPath("streamrecon.commands.run_setup.worker_setup", "equip")


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = "Serve until SIGTERM; running scans are finished first."
    parser.epilog = (
        "A setting is taken from its flag, else from its environment variable"
        " (STREAMRECON_PORT for --port), else from the table [server] of the settings file."
    )
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings file")
    parser.add_argument("--show-settings", action="store_true", help="print them and end")
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        metavar = "|".join(choices) or "VALUE"
        parser.add_argument(flag, metavar=metavar, help=_help(name, field))
    parser.set_defaults(run=run)


def _help(name: str, field: FieldInfo) -> str:
    """What a setting is for, and its default where it has one."""
    default = shown(field.get_default(call_default_factory=False))
    if field.default_factory is not None:
        default = "~/.local/state/streamrecon" if name == "storage" else ""
    text = f"{field.description} ({default})" if default else str(field.description)
    return text.replace("%", "%%")


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    flags = {name: getattr(options, name) for name in Settings.model_fields}

    def read() -> Origin:
        return load_settings(flags, os.environ, options.settings)

    origin = read()
    if options.show_settings:
        print("\n".join(origin.lines()))
        return 0

    def listening(addresses: Sequence[Address]) -> None:
        _announce(addresses)
        if origin.passed_over:
            _log.debug("passed over, of a Kubernetes service: %s", ", ".join(origin.passed_over))

    return serve(
        origin.settings,
        _EQUIP,
        preload=(_EQUIP.module,),
        listening=listening,
        reread=lambda: read().settings,
    )


def _announce(addresses: Sequence[Address]) -> None:
    places = ", ".join(str(Server(host, port)) for host, port in addresses)
    print(f"listening on {places}", flush=True)
