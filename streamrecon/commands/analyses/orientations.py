"""`streamrecon analyze orientations`: whether the positions of a head are enough so far."""

from __future__ import annotations

import argparse

from streamrecon.analysis.positions.position_reading import DOI, KIND, METHOD
from streamrecon.analysis.reading import Outcome, Reading
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.study_inputs.analysed_folder import Analysed, add_folder, analyse
from streamrecon.commands.study_inputs.tilted_scans import (
    orientation_values,
    reasons_to_doubt,
    tilts_of,
)
from streamrecon.output.readings.map_folder import MapFolder


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Register the scans of a head in several positions, and say how well they determine χ and "
        "which tilt is still needed. Needs magnitudes alone, and seconds: while the patient is in "
        "the scanner. Exit status: 0 enough, 1 one more is needed, 2 refused."
    )
    add_folder(parser)
    parser.add_argument(
        "tilted", type=there, nargs="*", metavar="TILTED", help="maps of the positions so far"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Judge them."""

    def read(maps: MapFolder) -> Analysed:
        tilts = tilts_of(maps, options.tilted)
        reasons = tuple(reasons_to_doubt(tilts))
        outcome = Outcome.FLAGGED if reasons else Outcome.GIVEN
        values, dois = tuple(orientation_values(tilts)), (DOI,)
        return Analysed(reading=Reading(
            kind=KIND, outcome=outcome, method=METHOD, values=values, reasons=reasons, dois=dois,
        ))  # fmt: skip

    return analyse(options, KIND, read)
