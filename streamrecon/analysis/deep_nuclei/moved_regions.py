"""The same regions in two visits: less their rims once, and smoothed alike in both.

Whether a narrow region loses its rim, and how much a moved label is rounded, would else differ
between the visits: as much as a change by iron. What a rim holds of its surroundings differs with
the grid, and noise of the mean is small beside it: so all but the narrowest regions lose their rim.
The mean that needs the whole of a region, and what is around it, is read from whole regions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.iron import IronMaps, IronSettings, Regions, read_iron
from streamrecon.analysis.deep_nuclei.iron_rows import WHOLE_MEAN
from streamrecon.analysis.deep_nuclei.region_statistics import eroded
from streamrecon.analysis.positions.registration import Motion, move_labels
from streamrecon.analysis.reading import Reading
from streamrecon.model.geometry import Geometry

Numbers = NDArray[np.int32]

_LAYERS = 4.0  # least width in thicknesses of the rim: half of a single reading's


def cores_in_both(
    numbers: Numbers, first: Geometry, motion: Motion, second: Geometry, *, erode_mm: float
) -> tuple[Numbers, Numbers]:
    """Cores of the first visit's regions on the grids of both visits [Z, Y, X each].

    Parameters
    ----------
    numbers
        Regions of the first visit [Z, Y, X].
    first, second
        Grids of the visits.
    motion
        From the first to the second.
    erode_mm
        Rim that is left out, see `eroded`; 0 moves whole regions.
    """
    cores = np.zeros_like(numbers)
    for number in np.unique(numbers[numbers > 0]).tolist():
        cores[eroded(numbers == number, first.voxel_mm, erode_mm, layers=_LAYERS)] = number
    still = replace(motion, matrix=np.eye(4))
    return move_labels(cores, first, still, first), move_labels(cores, first, motion, second)


def read_moved(maps: IronMaps, whole: Regions, cores: Regions, settings: IronSettings) -> Reading:
    """The iron reading of one of the visits; parameters are those of `read_iron`.

    Parameters
    ----------
    maps, settings
        What is read and how; no rim is taken off here.
    whole, cores
        The regions on the grid of this visit, with their rims and without.
    """
    as_they_are = replace(settings, erode_mm=0.0)
    reading, of_whole = (read_iron(maps, those, as_they_are) for those in (cores, whole))
    values = [value for value in reading.values if value.name != WHOLE_MEAN]
    values += [value for value in of_whole.values if value.name == WHOLE_MEAN]
    return replace(reading, values=tuple(values))
