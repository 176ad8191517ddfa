"""`streamrecon gadgets`: lists the gadgets that a chain file may name."""

from __future__ import annotations

import argparse

from streamrecon_gadgets import REGISTRY

from streamrecon.stream.chainfile.catalogue import catalogue_text


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = "List every gadget, its parameters with units and defaults."
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print the catalogue."""
    print(catalogue_text(REGISTRY))
    return 0
