"""The layer around the mask, where outer sources are weak: fluid, dura and bone lie around a brain.

Sources that touch the mask can explain any field that sources inside make; those a few mm away
cannot. A removal of background, or an inversion, that is free to fill this layer takes or loses
what it need not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry, Shape


def with_surroundings(
    mask: NDArray[np.bool_], geometry: Geometry, shape: Shape, distance_mm: float
) -> NDArray[np.bool_]:
    """The mask and all that is no farther from it than a distance, on a padded, periodic grid.

    In bytes: a table of distances would be the largest array of an inversion.

    Parameters
    ----------
    mask
        [Z, Y, X].
    geometry
        Its grid.
    shape
        Padded grid, whose first corner the mask lies in.
    distance_mm
        Between centres of voxels [mm]; 0: the mask alone.
    """
    wide = np.zeros(shape, np.bool_)
    wide[tuple(slice(n) for n in mask.shape)] = mask
    z_mm, y_mm, x_mm = geometry.voxel_mm
    rows = [wide]  # grown along x by 0, 1, 2 … voxels
    for x in range(1, int(distance_mm / x_mm) + 1):
        rows.append(rows[-1] | np.roll(wide, x, 2) | np.roll(wide, -x, 2))
    found = rows[-1].copy()
    for z, y in np.ndindex(int(distance_mm / z_mm) + 1, int(distance_mm / y_mm) + 1):
        squared = distance_mm**2 - (z * z_mm) ** 2 - (y * y_mm) ** 2
        if squared < 0:
            continue
        row = rows[int(np.sqrt(squared) / x_mm)]
        for way in {(z, y), (z, -y), (-z, y), (-z, -y)} - {(0, 0)}:
            found |= np.roll(row, way, (0, 1))
    return found
