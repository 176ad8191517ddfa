"""`streamrecon analyze cosmos`: susceptibility from scans of a head in several positions."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from streamrecon.analysis.cosmos import CosmosMap, least_squares_cosmos
from streamrecon.analysis.reading import Outcome, Reading
from streamrecon.commands.analysed_folder import Analysed, add_folder, analyse, labels_of
from streamrecon.commands.tilted_scans import (
    TiltedScans,
    orientation_values,
    reasons_to_doubt,
    region_values,
    tilted_scans,
    write_map,
)
from streamrecon.errors import ReconError
from streamrecon.output.readings.label_map import LabelMap
from streamrecon.output.readings.map_folder import MapFolder

_METHOD = "least squares over the local fields of all orientations (COSMOS), χ a number"
_DOIS = ("10.1002/mrm.21828",)


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Susceptibility from scans of one head in several positions. Magnitudes are registered to "
        "the first scan, local fields are moved; B0 of each follows from geometry and motion. "
        "A condition number above 10 is flagged, with the tilt that is still needed. For research "
        "use."
    )
    add_folder(parser, labels=True)
    parser.add_argument(
        "tilted", type=Path, nargs="+", metavar="TILTED", help="maps of the other positions"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Register, solve, write the map."""

    def read(maps: MapFolder) -> Analysed:
        scans = tilted_scans(maps, options.tilted)
        if not np.isfinite(scans.adequacy.condition):
            raise ReconError(f"orientations: found one direction of B0; {scans.adequacy.advice}")
        found = least_squares_cosmos(scans.fields)
        files = write_map(options.output, "cosmos_Chimap", found.chi_ppm, maps.geometry)
        labels = labels_of(options, maps)
        return Analysed(reading=_reading(scans, found, labels), files=files)

    return analyse(options, "cosmos", read)


def _reading(scans: TiltedScans, found: CosmosMap, labels: LabelMap | None) -> Reading:
    reasons = reasons_to_doubt(scans)
    values = [
        *orientation_values(scans),
        *region_values(found.chi_ppm, found.mask, labels, "mean_chi"),
    ]
    return Reading(
        kind="cosmos",
        outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
        method=_METHOD,
        values=tuple(values),
        reasons=tuple(reasons),
        parameters={"orientations": len(scans.fields), "steps": found.steps},
        dois=_DOIS,
    )
