"""`streamrecon analyze cosmos`: susceptibility from scans of a head in several positions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from streamrecon.analysis.positions.cosmos import least_squares_cosmos
from streamrecon.analysis.positions.orientations import tilt_deg
from streamrecon.analysis.positions.tilted_fields import MovedField
from streamrecon.analysis.reading import ReadingMap
from streamrecon.commands.study_inputs.analysed_folder import Analysed, analyse, labels_of
from streamrecon.commands.study_inputs.tilted_scans import (
    add_tilted,
    region_values,
    tilted_reading,
    tilted_scans,
    write_map,
)
from streamrecon.errors import ReconError
from streamrecon.output.readings.drawings.figures import cuts_of_map
from streamrecon.output.readings.map_folder import MapFolder

_METHOD = (
    "least squares over the total fields of all orientations (COSMOS), χ a number; sources around "
    "the head with those inside, polynomials of the second order for the scanner's own field"
)
_DOI = "10.1002/mrm.21828"
_LEAST_TILT_DEG = 1.0  # below it one direction was measured twice


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Susceptibility from scans of one head in several positions. Magnitudes are registered to "
        "the first scan, total fields are moved; B0 of each follows from geometry and motion. "
        "A condition number above 10 is flagged, with the tilt that is still needed. For research "
        "use."
    )
    add_tilted(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Register, solve, write the map."""

    def read(maps: MapFolder) -> Analysed:
        scans = tilted_scans(maps, options.tilted)
        apart = _largest_tilt_deg(scans.fields)
        if apart < _LEAST_TILT_DEG:
            raise ReconError(
                f"orientations: found directions of B0 {apart:.1f}° apart, needed "
                f"{_LEAST_TILT_DEG:g}°; {scans.adequacy.advice}"
            )
        found = least_squares_cosmos(scans.fields)
        files = write_map(options.output, "cosmos_Chimap", found.chi_ppm, maps.geometry)
        regions = region_values(found.chi_ppm, found.mask, labels_of(options, maps), "mean_chi")
        reading = tilted_reading(
            "cosmos", scans, regions, method=_METHOD, steps=found.steps, doi=_DOI
        )
        return Analysed(
            reading=reading,
            figures=[cuts_of_map(found.chi_ppm, maps.geometry, "χ of all positions")],
            files=files,
            maps=[ReadingMap("chi", found.chi_ppm, "ppm")],
        )

    return analyse(options, "cosmos", read)


def _largest_tilt_deg(fields: Sequence[MovedField]) -> float:
    """Between the first direction of B0 and another, whichever end is up."""
    first, *others = (np.array(field.turned.b0_axis()) for field in fields)
    tilts = (tilt_deg(first, each) for each in others)
    return max((min(tilt, 180 - tilt) for tilt in tilts), default=0.0)
