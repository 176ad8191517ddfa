"""How dark a place is: voids, and signal that is missing in the shape of a small ball."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from streamrecon.analysis.lesion.lesion_sites import LesionMaps, Site, box_about

Real = NDArray[np.float32]

VOID_FRACTION = 0.6
"""Of the signal around: below, a voxel is void."""

_VOID_REACH_MM = 8.0
_VEINS_DARK_S_T, _VEINS_KEEP = 0.030, 0.7
"""Echo time times field: until then a vein keeps so much of the signal of tissue, a bleed none.

At 3 T blood decays with 45 1/s, white matter with 20, microbleeds with 100 and more.
"""
_FEWEST_IN_VEINS = 200  # voxels that say how dark the veins of a scan are
_AROUND, _FEWEST_AROUND = 3, 40  # voxels about the centre, and of them in the mask
_RADII_MM = (0.3, 0.6, 0.9, 1.2, 1.5)  # of balls that are tried
_WITHIN = np.array(
    [at for at in product(np.linspace(-0.8, 0.8, 5), repeat=3) if math.hypot(*at) < 1]
)
_CORNERS = np.ones((3, 3, 3), bool)


def echoes_of_voids(maps: LesionMaps) -> tuple[int, int]:
    """The last echo at which veins are not dark yet, or the first; and the last of all.

    Veins keep 0.7 of the signal of tissue until 30 ms T at the oxygenation of healthy people. Where
    the scan's own veins are known, most of them have to keep it too.
    """
    early = [
        n
        for n, te_s in enumerate(maps.te_s)
        if te_s * maps.b0_t <= _VEINS_DARK_S_T and _veins_keep(n, maps) >= _VEINS_KEEP
    ]
    return max(early, default=0), len(maps.te_s) - 1


def _veins_keep(n: int, maps: LesionMaps) -> float:
    """Signal of the darker veins at an echo, that of tissue is 1; 1 where it is not known.

    By the decay since the first echo, which knows no brightness of coils, and on from there to
    TE = 0 at the same rate. The lower quartile, since many voxels of veins are tissue in part.
    """
    veins = None if maps.veins is None else maps.veins & maps.mask
    if n == 0 or veins is None or veins.sum() < _FEWEST_IN_VEINS:
        return 1.0
    first, now = maps.magnitude[0], maps.magnitude[n]
    tissue = maps.mask & ~veins & (first > 0)
    veins &= first > 0
    kept = np.quantile(now[veins] / first[veins], 0.25) / np.median(now[tissue] / first[tissue])
    since = maps.te_s[n] / (maps.te_s[n] - maps.te_s[0])
    return float(kept**since)


def void_mm3(site: Site, maps: LesionMaps, magnitude: Real) -> float:
    """Voxels that hang together with the region and have less than 0.6 of the signal around."""
    box = box_about(site.voxel, _VOID_REACH_MM, maps.geometry)
    known, signal = maps.mask[box], magnitude[box]
    void = known & (signal < VOID_FRACTION * float(np.median(signal[known])))
    seed = np.zeros(known.shape, bool)
    first = [own.start - each.start for own, each in zip(site.box, box, strict=True)]
    at = np.argwhere(site.region) + first
    seed[tuple(at[((at >= 0) & (at < seed.shape)).all(axis=1)].T)] = True
    pieces, _ = label(void, _CORNERS)
    touched = np.unique(pieces[binary_dilation(seed, _CORNERS) & void])
    return float(np.isin(pieces, touched[touched > 0]).sum() * math.prod(maps.geometry.voxel_mm))


def missing_mm3(
    centre: NDArray[np.float64], maps: LesionMaps, magnitude: Real
) -> tuple[float, float]:
    """Volume of tissue whose signal a small ball lacks, and its standard deviation [mm³].

    An encoded voxel shows a point as a sinc, and a ball as the sum of its points. Least squares
    over 7 x 7 x 7 voxels with a linear brightness of the tissue, whose texture is the noise; of the
    balls of 0.3 to 1.5 mm the one that fits best. NaN where too few voxels are in the mask. What
    dephases around the ball counts too; the spread does not know how well its radius is known.

    Parameters
    ----------
    centre
        Index (z, y, x) with fractions.
    maps
        The scan.
    magnitude
        One echo [Z, Y, X].
    """
    box = tuple(slice(max(0, n - _AROUND), n + _AROUND + 1) for n in np.rint(centre).astype(int))
    known = maps.mask[box]
    if known.sum() < _FEWEST_AROUND:
        return math.nan, math.nan
    away = np.argwhere(known) + [each.start for each in box] - centre
    away_mm = np.asarray(away * maps.geometry.voxel_mm)
    acquired_mm = np.array(maps.resolution_mm or maps.geometry.voxel_mm)
    signal = magnitude[box][known].astype(np.float64)
    fits = [_lacking(signal, away_mm, acquired_mm, radius_mm) for radius_mm in _RADII_MM]
    _, missing, sd = min(fits)
    volume_mm3 = float(np.prod(acquired_mm))
    return volume_mm3 * missing, volume_mm3 * sd


def _lacking(
    signal: NDArray[np.float64],
    away_mm: NDArray[np.float64],
    acquired_mm: NDArray[np.float64],
    radius_mm: float,
) -> tuple[float, float, float]:
    """What a fit of one ball leaves; what is missing, in voxels of tissue, and its spread."""
    points = away_mm[:, None] - radius_mm * _WITHIN
    ball = np.prod(np.sinc(points / acquired_mm), axis=2).mean(axis=1)
    shape = np.column_stack([-ball, np.ones(len(away_mm)), away_mm])
    inverse = np.linalg.pinv(shape)
    found = inverse @ signal
    rest = signal - shape @ found
    left = float(rest @ rest) / (rest.size - found.size)
    level = max(float(found[1]), 1e-12)
    sd = math.sqrt(left) * float(np.linalg.norm(inverse[0]))
    return left, float(found[0]) / level, sd / level
