"""What is measured on a lesion beside its moment."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, label

from streamrecon.analysis.lesion.lesion_sites import LesionMaps, Site, box_about

Real = NDArray[np.float32]

IRON_UG_PER_PPM_MM3 = 0.945
"""Iron of ferritin [µg] that has a moment of 1 ppm mm³: 1.10 ppb per µg/g at 1.04 g/ml.

Haemosiderin, deoxyhaemoglobin and methaemoglobin have other factors.
"""

VOID_FRACTION = 0.6
"""Of the signal around: below, a voxel is void."""

_VOID_REACH_MM = 8.0
_VEINS_DARK_S_T, _VEINS_KEEP = 0.030, 0.7
"""Echo time times field: until then a vein keeps so much of the signal of tissue, a bleed none.

At 3 T blood decays with 45 1/s, white matter with 20, microbleeds with 100 and more.
"""
_FEWEST_IN_VEINS = 200  # voxels that say how dark the veins of a scan are
_CORNERS = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionFeatures:
    """Sizes in mm and mm³; χ is relative to the surroundings [ppm]; NaN where a map is missing.

    Parameters
    ----------
    voxels, volume_mm3
        Of the region above 0.4 of its peak: larger than a small lesion is, and smaller than a large
        one.
    mean_chi_ppm, extreme_chi_ppm
        In the region; both are too small for lesions of less than four voxels across.
    r2_star_per_s
        Median in the region; of a void it is that of the noise.
    early_void_mm3, late_void_mm3
        Volume without signal, at an echo at which veins are not dark yet, and at the last.
    sphericity
        Shortest over longest axis.
    edge_mm
        From the edge of the mask.
    """

    voxels: int
    volume_mm3: float
    mean_chi_ppm: float
    extreme_chi_ppm: float
    r2_star_per_s: float
    early_void_mm3: float
    late_void_mm3: float
    sphericity: float
    edge_mm: float

    @property
    def diameter_mm(self) -> float:
        """That of a ball of the region's volume."""
        return float((6 * self.volume_mm3 / math.pi) ** (1 / 3))

    @property
    def dark_part(self) -> float:
        """Void at the early echo over the region; more than 1 where it blooms."""
        return self.early_void_mm3 / self.volume_mm3


def features_of(
    site: Site,
    maps: LesionMaps,
    contrast: Real,
    edge_mm: NDArray[np.float64],
    echoes: tuple[int, int],
) -> LesionFeatures:
    """Measure one place.

    Parameters
    ----------
    site, maps
        The place, in this scan.
    contrast
        χ less its surroundings, see `lesion_sites.contrast_of`.
    edge_mm
        Distance to the edge of the mask [Z, Y, X, mm], see `depth_of`.
    echoes
        At which voids are measured, see `echoes_of_voids`.
    """
    own = contrast[site.box][site.region]
    voxels = int(site.region.sum())
    r2_star = maps.r2_star_per_s
    rate = math.nan if r2_star is None else float(np.median(r2_star[site.box][site.region]))
    early, late = (_void_mm3(site, maps, maps.magnitude[n]) for n in echoes)
    return LesionFeatures(
        voxels=voxels,
        volume_mm3=voxels * math.prod(maps.geometry.voxel_mm),
        mean_chi_ppm=float(own.mean()),
        extreme_chi_ppm=float(own.max() if site.contrast_ppm > 0 else own.min()),
        r2_star_per_s=rate,
        early_void_mm3=early,
        late_void_mm3=late,
        sphericity=site.sphericity,
        edge_mm=float(edge_mm[site.voxel]),
    )


def depth_of(maps: LesionMaps) -> NDArray[np.float64]:
    """Distance to the edge of the mask [Z, Y, X, mm]; the hole that a void leaves is no edge."""
    outside, _ = label(np.pad(~maps.mask, 1, constant_values=True))
    hull = outside[1:-1, 1:-1, 1:-1] != outside[0, 0, 0]
    return np.asarray(distance_transform_edt(hull, maps.geometry.voxel_mm))


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


def _void_mm3(site: Site, maps: LesionMaps, magnitude: Real) -> float:
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
