"""`streamrecon web`: shows the scans of a running service to browsers, and answers its monitors."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import streamrecon.web
from streamrecon.server.health.log_lines import log_to_stderr
from streamrecon.server.settings import load_settings
from streamrecon.server.workers.web_process import assert_installed


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Show the scans of a running service to browsers, answer /healthz, /readyz and /metrics."
        " `serve --web HOST:PORT` starts it beside the service."
    )
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="the service's settings")
    parser.add_argument("--storage", type=Path, metavar="DIR", help="folder; as in the settings")
    parser.add_argument("--web", metavar="HOST:PORT", help="address; as in the settings")
    parser.add_argument(
        "--while-stdin", action="store_true", help="until stdin ends, not until SIGTERM"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve browsers until told to stop."""
    flags = {"storage": options.storage, "web": options.web}
    settings = load_settings(flags, os.environ, options.settings).settings
    assert_installed()
    log_to_stderr(settings.log_level, settings.log_format)
    return streamrecon.web.run_web(settings, while_stdin=options.while_stdin)
