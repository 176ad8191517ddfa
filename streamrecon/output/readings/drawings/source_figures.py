"""Draws sources of both signs: their maps, how χ explains the decay, quadrants of χ and R2."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.separation.source_reading import SourceResults
from streamrecon.analysis.separation.sources import Quadrant
from streamrecon.model.geometry import Geometry
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import (
    Colour,
    Figure,
    numbered_planes,
    outlined_planes,
)
from streamrecon.output.readings.drawings.histogram import joint_histogram

_CHI_WINDOW, _INDEX_WINDOW = Window(0.0, 0.2), Window(-1.0, 1.0)
_QUADRANTS: dict[Quadrant, tuple[Colour, str]] = {
    Quadrant.MACROSCOPIC: ((220, 80, 60), "red: χ high, R2 low, bulk and veins"),
    Quadrant.DISPERSED: ((90, 150, 235), "blue: χ low, R2 high, dispersed or of both signs"),
    Quadrant.BOTH_HIGH: ((245, 205, 80), "yellow: both high"),
    Quadrant.BOTH_LOW: ((95, 95, 95), "grey: both low"),
}


def draw_sources(
    found: SourceResults, mask: NDArray[np.bool_], geometry: Geometry
) -> Iterator[Figure]:
    """Cuts through the middle, of the joint fit where there is one, and the joint histogram.

    Parameters
    ----------
    found
        The maps [Z, Y, X].
    mask
        Whose voxels the histogram counts [Z, Y, X].
    geometry
        Their grid.
    """
    shown = found.joint or found.alone
    way = "joint fit" if found.joint is not None else "voxel by voxel"
    for name, values in (("positive", shown.positive_ppm), ("negative", shown.negative_ppm)):
        picture = outlined_planes(values, geometry, _CHI_WINDOW)
        yield Figure(name, f"χ of {name} sources ({way}), 0 to 200 ppb", picture)
    picture = outlined_planes(found.coherence, geometry, _INDEX_WINDOW)
    words = "coherence, black: bulk, veins; grey: one sign, dispersed; white: mixed"
    yield Figure("coherence", words, picture)
    if found.quadrant is not None:
        colours = [_QUADRANTS[each][0] for each in Quadrant]
        words = "; ".join(_QUADRANTS[each][1] for each in Quadrant)
        picture = numbered_planes(found.quadrant, geometry, colours)
        yield Figure("quadrants", f"quadrants about the medians, {words}", picture)
    picture = joint_histogram(
        1e3 * shown.chi_ppm[mask],
        found.r2_prime_per_s[mask],
        ("χ [ppb]", "R2' [1/s]"),
    )
    words = "voxels by χ and R2'; darkness is the logarithm of how many"
    yield Figure("histogram", words, picture)
