"""The same regions in two visits: less their rims once, and smoothed alike in both.

Whether a narrow region loses its rim, and how much a moved label is rounded, would else differ
between the visits: as much as a change by iron. What a rim holds of its surroundings differs with
the grid, and noise of the mean is small beside it: so all but the narrowest regions lose their rim.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.region_statistics import eroded
from streamrecon.analysis.positions.registration import Motion, move_labels
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
        Rim that is left out, see `eroded`.
    """
    cores = np.zeros_like(numbers)
    for number in np.unique(numbers[numbers > 0]).tolist():
        cores[eroded(numbers == number, first.voxel_mm, erode_mm, layers=_LAYERS)] = number
    still = replace(motion, matrix=np.eye(4))
    return move_labels(cores, first, still, first), move_labels(cores, first, motion, second)
