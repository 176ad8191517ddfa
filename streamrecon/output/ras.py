"""Our (z, y, x) and LPS as NIfTI's (x, y, z) and RAS: the one place where they are exchanged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry


def in_ras(
    values: NDArray[np.generic], geometry: Geometry
) -> tuple[NDArray[np.generic], NDArray[np.float64]]:
    """The same voxels in NIfTI's order, and where they lie.

    Parameters
    ----------
    values
        [Z, Y, X], of any type.
    geometry
        Grid of ``values``.

    Returns
    -------
    data
        [X, Y, Z], a view.
    affine
        From the index column (x, y, z, 1) to (R, A, S, 1) [mm]; its determinant has the grid's own
        handedness, nothing is flipped.
    """
    affine = geometry.affine_lps()[:, [2, 1, 0, 3]]
    affine[:2] *= -1.0
    return values.transpose(2, 1, 0), affine
