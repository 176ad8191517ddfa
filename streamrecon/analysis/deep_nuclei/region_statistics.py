r"""Statistics of a map in one region, and how well noise lets its mean be known.

.. math:: \sigma_{\bar x} = \sqrt{\overline{\sigma^2}\,/\,N_\text{eff}}, \quad
          N_\text{eff} = \max(1, V / V_c)

Noise of a susceptibility map is alike over many voxels, because the inversion spreads it: the mean
of N voxels is known worse than by √N. V is the volume of the region and V_c that over which noise
is alike; `streamrecon.analysis` takes it as a stated number, never as one voxel in silence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Triple

Flags = NDArray[np.bool_]

FEWEST_VOXELS = 8
"""Below this a region has no statistics."""

TRIM = 0.1
"""Fraction that the robust mean leaves out at either end."""

WIDTH_IN_LAYERS = 8.0
"""Least width of a region that loses its rim, in thicknesses of what is taken off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionStatistics:
    """What one map has in one region, in the map's unit.

    Parameters
    ----------
    voxels, volume_mm3
        Of the whole region, not eroded.
    used_voxels, is_eroded
        What the statistics are of; a narrow region is taken whole.
    mean, robust_mean, median, sd, p5, p95
        Plain mean, mean without the lowest and highest tenth, spread and percentiles.
    high_mean, high_fraction
        Mean of the voxels above the high limit, and how many of them there are; the mean is nan
        where there are none.
    sigma
        Standard deviation of the mean by noise; ``None`` where no noise is known.
    """

    voxels: int
    volume_mm3: float
    used_voxels: int
    is_eroded: bool
    mean: float
    robust_mean: float
    median: float
    sd: float
    p5: float
    p95: float
    high_mean: float
    high_fraction: float
    sigma: float | None


def region_statistics(
    values: NDArray[np.floating],
    region: Flags,
    voxel_mm: Triple,
    *,
    sd: NDArray[np.floating] | None = None,
    alike_mm3: float,
    erode_mm: float = 1.0,
    high_from: float | None = None,
) -> RegionStatistics:
    """Statistics of ``values`` in ``region``, less its rim.

    The highest part is an order statistic of noisy voxels: without a limit of its own
    (``high_from``) it is the upper quarter, whose mean lies above the region's by noise alone.

    Parameters
    ----------
    values
        The map [Z, Y, X].
    region
        Voxels of the region [Z, Y, X].
    voxel_mm
        Size of a voxel (z, y, x) [mm].
    sd
        Standard deviation by noise [Z, Y, X], in the map's unit.
    alike_mm3
        Volume over which noise is alike [mm³]; that of a voxel where it is white.
    erode_mm
        Depth of the rim that is left out [mm], see `eroded`; 0 leaves none out.
    high_from
        Limit above which a voxel is high.

    Raises
    ------
    ReconError
        If the region has fewer than 8 voxels, or the map is not finite there.
    """
    if (found := int(region.sum())) < FEWEST_VOXELS:
        raise ReconError(f"region: found {found} voxels, needed {FEWEST_VOXELS}")
    core = eroded(region, voxel_mm, erode_mm)
    inside = np.sort(values[core].astype(np.float64))
    if not np.isfinite(inside).all():
        raise ReconError("region: the map is not finite there")
    p5, median, p75, p95 = np.percentile(inside, (5, 50, 75, 95))
    high = inside[inside > (p75 if high_from is None else high_from)]
    voxel_mm3 = math.prod(voxel_mm)
    return RegionStatistics(
        voxels=found,
        volume_mm3=found * voxel_mm3,
        used_voxels=inside.size,
        is_eroded=inside.size < found,
        mean=float(inside.mean()),
        robust_mean=trimmed_mean(inside),
        median=float(median),
        sd=float(inside.std()),
        p5=float(p5),
        p95=float(p95),
        high_mean=float(high.mean()) if high.size else math.nan,
        high_fraction=high.size / inside.size,
        sigma=None if sd is None else sigma_of_mean(sd[core], voxel_mm3, alike_mm3),
    )


def eroded(
    region: Flags, voxel_mm: Triple, depth_mm: float, *, layers: float = WIDTH_IN_LAYERS
) -> Flags:
    """The region less its rim [Z, Y, X]; the whole of it where that would eat it up.

    A voxel stays if no face of it is on the surface, where it may be half of something else, and
    its centre is farther than ``depth_mm`` from the nearest voxel outside. A region narrower than
    ``layers`` times what is taken off at its surface stays whole: partial volume lowers its mean.
    """
    if depth_mm <= 0:
        return region
    depth = distance_transform_edt(np.pad(region, 1), sampling=voxel_mm)[1:-1, 1:-1, 1:-1]
    core = binary_erosion(region) & (depth > depth_mm)
    thinnest, deepest = float(depth[region].min()), float(depth.max())
    width_mm = 2 * deepest - thinnest  # the surface lies half a voxel outside the last centre
    narrow = width_mm < layers * max(depth_mm, thinnest)
    return region if narrow or core.sum() < FEWEST_VOXELS else np.asarray(core, np.bool_)


def trimmed_mean(ordered: NDArray[np.float64], trim: float = TRIM) -> float:
    """Mean without the lowest and highest part of values in ascending order.

    >>> trimmed_mean(np.array([0.0, 1, 1, 1, 1, 1, 1, 1, 1, 99]))
    1.0
    """
    cut = int(trim * ordered.size)
    return float(ordered[cut : ordered.size - cut].mean())


def sigma_of_mean(sd: NDArray[np.floating], voxel_mm3: float, alike_mm3: float) -> float:
    """Standard deviation of the mean of voxels whose noise is alike over ``alike_mm3``."""
    independent = max(1.0, sd.size * voxel_mm3 / max(alike_mm3, voxel_mm3))
    return float(np.sqrt(np.mean(np.square(sd, dtype=np.float64)) / independent))
