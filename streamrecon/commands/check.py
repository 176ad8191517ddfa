"""`streamrecon check`: checks a chain file before any scan."""

from __future__ import annotations

import argparse

from streamrecon_gadgets import REGISTRY

from streamrecon.commands.run_setup.chains import chain_called
from streamrecon.stream.chainfile.describe import describe


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = "Check a chain file as the service would, before any scan."
    parser.add_argument("config", metavar="FILE", help="a chain file, or a packaged chain's name")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Describe the chain, or say what is wrong with it."""
    print(describe(chain_called(options.config), REGISTRY))
    return 0
