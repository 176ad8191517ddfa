"""`streamrecon analyze qc`: whether a scan's maps can be trusted, as a traffic light."""

from __future__ import annotations

import argparse

import numpy as np

from streamrecon.analysis.quality.quality_maps import QualityMaps
from streamrecon.analysis.quality.quality_reading import KIND, read_quality
from streamrecon.commands.study_inputs.analysed_folder import Analysed, add_folder, analyse
from streamrecon.errors import DataError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import Figure, Outline, outlined_planes
from streamrecon.output.readings.map_folder import MapFolder

_WINDOW = Window(-0.15, 0.15)
_RED = (255, 90, 60)


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "A traffic light for a scan: SNR, phase over the echoes, ghosts, mask, zero, streaks, "
        "wraps, filtered phase, direction of B0 and phase sign; unjudged where no fault was seen "
        "but phase, mask, B0 or sign could not be measured. Needs chi and the magnitudes of "
        "the echoes; phases and field_hz are used where they are, and their measures are left "
        "out where they are not. For research use, not for diagnosis."
    )
    add_folder(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure and report; 0 green, 1 amber, red or not judged, 2 refused."""
    return analyse(options, KIND, _analysed)


def quality_maps(maps: MapFolder) -> QualityMaps:
    """The maps of a folder that its quality is read from.

    Raises
    ------
    DataError
        If one that is needed is not there, or magnitudes and phases are of different echoes.
    """
    echoes = maps.echoes(Quantity.MAGNITUDE).astype(np.complex64)
    has_phase = Quantity.PHASE in maps.has
    if has_phase:
        phase_rad = maps.echoes(Quantity.PHASE)
        if phase_rad.shape != echoes.shape:
            raise DataError(
                f"{maps.name}: found {len(echoes)} magnitudes and {len(phase_rad)} phases, "
                "needed both of every echo"
            )
        echoes *= np.exp(1j * phase_rad)
    return QualityMaps(
        chi_ppm=maps.map(Quantity.CHI),
        mask=maps.mask(),
        geometry=maps.geometry,
        echoes=echoes,
        has_phase=has_phase,
        te_s=maps.te_s,
        b0_t=maps.b0_t,
        field_hz=maps.map_if_there(Quantity.FIELD_HZ),
    )


def _analysed(maps: MapFolder) -> Analysed:
    given = quality_maps(maps)
    picture = outlined_planes(given.chi_ppm, maps.geometry, _WINDOW, (Outline(given.mask, _RED),))
    figure = Figure("map", "Susceptibility, -0.15 to 0.15 ppm, and the mask in red.", picture)
    return Analysed(reading=read_quality(given), figures=(figure,))
