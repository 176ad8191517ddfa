"""Projects sliding slabs: the smallest or largest value through a thickness in mm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry

Real = NDArray[np.float32]


class Extreme(Enum):
    """Which value of a slab is shown."""

    MINIMUM = "minimum"
    MAXIMUM = "maximum"


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Projected slabs.

    Parameters
    ----------
    values
        One slice for each slab [Z - w + 1, Y, X].
    geometry
        Its slices lie in the middle of their slabs; their distance is that of the source.
    slab_mm
        Thickness that one slice shows [mm].
    """

    values: Real
    geometry: Geometry
    slab_mm: float


def project_slabs(
    values: NDArray[np.floating],
    geometry: Geometry,
    *,
    slab_mm: float = 8.0,
    thickness_mm: float | None = None,
    extreme: Extreme = Extreme.MINIMUM,
) -> Projection:
    """Project every slab of neighbouring slices that fits, along z.

    A slab holds the number of slices nearest to ``slab_mm``, at least one, at most all. Nothing is
    padded: n slices and slabs of w give n - w + 1, all of them full. Steps between slabs are one
    slice. log2(w) + 1 passes over the volume, below one FFT.

    Parameters
    ----------
    values
        [Z, Y, X].
    geometry
        Their grid.
    slab_mm
        Thickness wanted [mm].
    thickness_mm
        Thickness of one slice, where it is not their distance [mm].
    extreme
        Smallest or largest value.

    Raises
    ------
    ReconError
        If the thickness is not positive, or the values do not fit the grid.

    Examples
    --------
    >>> grid = Geometry((4, 1, 1), (2.0, 1.0, 1.0), np.eye(3)[::-1])
    >>> found = project_slabs(np.arange(4.0).reshape(4, 1, 1), grid, slab_mm=4)
    >>> found.values.ravel().tolist(), found.slab_mm, found.geometry.centre_lps_mm
    ([0.0, 1.0, 2.0], 4.0, (0.0, 0.0, -1.0))
    """
    if not slab_mm > 0:
        raise ReconError(f"projection: found a slab of {slab_mm} mm, needed a positive thickness")
    if values.shape != geometry.shape:
        raise ReconError(f"projection: found {values.shape} voxels, needed {geometry.shape}")
    spacing = geometry.voxel_mm[0]
    width = min(max(round(slab_mm / spacing), 1), len(values))
    pick = np.minimum if extreme is Extreme.MINIMUM else np.maximum
    reached, image = 1, np.asarray(values, np.float32)
    while reached < width:
        step = min(reached, width - reached)
        image = pick(image[:-step], image[step:])
        reached += step
    return Projection(
        image if width > 1 else image.copy(),
        _middles(geometry, width),
        (width - 1) * spacing + (spacing if thickness_mm is None else thickness_mm),
    )


def _middles(geometry: Geometry, width: int) -> Geometry:
    """Grid whose slices lie between the first and the last of ``width`` slices."""
    first = geometry.crop((0, 0, 0), (geometry.shape[0] - width + 1, *geometry.shape[1:]))
    offset = geometry.axes_lps[0] * geometry.voxel_mm[0] * (width - 1) / 2
    left, posterior, superior = (np.array(first.centre_lps_mm) + offset).tolist()
    return replace(first, centre_lps_mm=(left, posterior, superior))
