"""`streamrecon analyze veins`: length and volume of veins in each region."""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.oxygen.oximetry_reading import reading_of_density
from streamrecon.analysis.reading import Extent
from streamrecon.commands.study_inputs.analysed_folder import (
    Analysed,
    add_folder,
    analyse,
    extents_of,
    labels_of,
)
from streamrecon.maps.centrelines import CentreLines, trace_veins
from streamrecon.maps.veins import find_veins
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import Figure, Outline, outlined_planes
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.storage.atomic_file import whole

_TABLE = "veins_centrelines.csv"
_CHI_WINDOW = Window(-0.2, 0.3)
_RED = (255, 90, 60)


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Vein density: length of centre-lines and volume of the vein mask, over the volume of each "
        "region. Needs chi; veins is used where it is. For research use, not for diagnosis."
    )
    add_folder(parser, labels="used")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Trace, write and report them; 0 given, 1 flagged, 2 refused."""
    return analyse(options, "veins", lambda maps: _analysed(maps, options))


def traced(maps: MapFolder) -> tuple[CentreLines, NDArray[np.bool_]]:
    """Centre-lines of a folder's veins, and their mask, found here where the folder has none.

    Raises
    ------
    DataError
        If there is no susceptibility.
    """
    chi, given = maps.map(Quantity.CHI), maps.map_if_there(Quantity.VEINS)
    veins = find_veins(chi, maps.mask(), maps.geometry) if given is None else np.asarray(given > 0)
    return trace_veins(veins, chi, maps.geometry), veins


def vein_figure(maps: MapFolder, veins: NDArray[np.bool_]) -> Figure:
    """Veins over susceptibility."""
    cuts = outlined_planes(
        maps.map(Quantity.CHI), maps.geometry, _CHI_WINDOW, (Outline(veins, _RED),)
    )
    return Figure("veins", "Susceptibility, -0.2 to 0.3 ppm, and the vein mask in red.", cuts)


def _analysed(maps: MapFolder, options: argparse.Namespace) -> Analysed:
    labels = labels_of(options, maps)
    lines, veins = traced(maps)
    regions = {"brain": maps.mask()} | ({} if labels is None else dict(labels.regions()))
    extents = [Extent.of_mask("veins", "vein", veins), *extents_of(regions.items())]
    doubts = () if lines.vein.size else ("no vein was found",)
    with whole(options.output / _TABLE) as scratch:
        scratch.write_text(lines.as_csv(), encoding="utf-8")
    return Analysed(
        reading=reading_of_density(lines, veins, regions, maps.geometry, doubts=doubts),
        figures=(vein_figure(maps, veins),),
        files=(_TABLE,),
        extents=extents,
    )
