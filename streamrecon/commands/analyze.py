"""`streamrecon analyze`: what the maps of a scan mean, one analysis a subcommand."""

from __future__ import annotations

import argparse
from importlib import import_module

ANALYSES: dict[str, str] = {
    "qc": "whether a scan's maps can be trusted, as a traffic light",
    "lesions": "bleeds and calcifications, with the dipole moment of each",
    "lesion-roc": "how well lesions of many patients are told apart",
    "iron-long": "how iron of the nuclei goes with the years in a cohort",
    "change": "what changed in the nuclei since an earlier visit",
    "orientations": "whether the positions of a head are enough, and which is still needed",
    "cosmos": "χ from scans of a head in several positions",
    "rims": "paramagnetic rims of lesions",
    "sources": "paramagnetic and diamagnetic sources, by χ and R2'",
    "iron": "χ, R2* and iron of the nuclei of a label map",
    "bold": "veins of a gradient-echo scan in a BOLD series, and the series without them",
    "veins": "length and volume of veins in each region",
    "oximetry": "oxygen saturation and extraction from veins",
    "cmro2": "oxygen consumption from blood flow and venous saturation",
    "sti": "mean and anisotropy of χ from several positions and diffusion",
}
"""Analyses, each a module of `streamrecon.commands.analyses`, and what each is for."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser one subcommand for each analysis."""
    parser.description = (
        "Read lesions, veins, iron and more from a folder of maps. For research use. "
        "Exit status: 0 given, 1 given with a flag, 2 refused with a reason."
    )
    analyses = parser.add_subparsers(required=True, metavar="ANALYSIS")
    for name, purpose in ANALYSES.items():
        room = import_module(f"streamrecon.commands.analyses.{name.replace('-', '_')}")
        room.add(analyses.add_parser(name, help=purpose))
