"""`streamrecon pipe`: reconstructs a stream from stdin to stdout."""

from __future__ import annotations

import argparse
import os
import sys

from streamrecon.commands.chains import chosen_chain
from streamrecon.commands.options import add_chain, add_storage
from streamrecon.console import Watch
from streamrecon.mrd.files.open_scan import check_is_stream
from streamrecon.replay import pipe


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = "A plain MRD stream in, header first; one with the images out."
    add_chain(parser, "a packaged chain by name, or a chain file")
    add_storage(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Reconstruct until the input ends."""
    chain = chosen_chain(options, session="pipe")
    with Watch(live=False) as watch, os.fdopen(os.dup(0), "rb") as source:
        check_is_stream(source)
        pipe(source, sys.stdout.buffer, chain, watch)
    return 0
