"""Leaves the fluid around the brain out of its mask, by how slowly it decays.

A surface is stiff: it spans the cisterns around the stem and the cerebellum, where fluid can be as
bright as brain. It decays more slowly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, label, uniform_filter

from streamrecon.model.geometry import Geometry

Flags = NDArray[np.bool_]

_SLOW = 0.4  # of the brain's R2*; fluid has 0.1 to 0.2, cortex 0.7 and more
_SLOWEST_PER_S = 8.0
_RADIUS_MM = 2.0  # of the balls that fit into a cistern, and not into a sulcus
_DEEPEST_MM = 20.0  # below the surface; ventricles lie deeper


def decay_per_s(
    magnitude: NDArray[np.floating], te_s: Sequence[float]
) -> NDArray[np.float32] | None:
    """R2* by the first and the last echo [Z, Y, X, 1/s]; ``None`` of a single echo.

    Parameters
    ----------
    magnitude
        Echoes [E, Z, Y, X], any unit.
    te_s
        Their times [s].
    """
    if len(te_s) < 2:
        return None
    first, last = (np.maximum(np.asarray(magnitude[e], np.float32), 1e-20) for e in (0, -1))
    return np.asarray(np.log(first / last) / np.float32(te_s[-1] - te_s[0]), np.float32)


def without_cisterns(
    brain: Flags, r2_star_per_s: NDArray[np.floating], geometry: Geometry
) -> Flags:
    """The brain [Z, Y, X] without fluid that is wider than 4 mm and reaches its surface.

    Fluid decays more slowly than 0.4 of the brain's median and than 8 1/s. Ventricles stay, for
    they lie deeper than 20 mm or behind something narrow, and so does most of the fluid in sulci. A
    field that dephases hides fluid, and then it stays too. Three distance transforms.

    Parameters
    ----------
    brain
        What a surface encloses [Z, Y, X].
    r2_star_per_s
        Decay of every voxel [Z, Y, X, 1/s]; noise may make it negative.
    geometry
        Their grid.
    """
    limit = min(_SLOWEST_PER_S, _SLOW * float(np.median(r2_star_per_s[brain])))
    fluid = brain & (uniform_filter((r2_star_per_s < limit).astype(np.float32), 3) > 0.5)
    cores = distance_transform_edt(fluid, geometry.voxel_mm) > _RADIUS_MM
    if not cores.any():
        return brain
    wide = fluid & (distance_transform_edt(~cores, geometry.voxel_mm) <= _RADIUS_MM)
    wide &= distance_transform_edt(brain, geometry.voxel_mm) <= _DEEPEST_MM
    pieces, count = label(wide)
    outside = np.zeros(count + 1, np.bool_)
    outside[np.unique(pieces[binary_dilation(~brain)])] = True
    outside[0] = False
    return np.asarray(brain & ~outside[pieces])
