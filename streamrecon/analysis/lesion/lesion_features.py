"""What is measured on a lesion beside its moment."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label

from streamrecon.analysis.lesion.lesion_darkness import missing_mm3, void_mm3
from streamrecon.analysis.lesion.lesion_sites import LesionMaps, Site

Real = NDArray[np.float32]

IRON_UG_PER_PPM_MM3 = 0.945
"""Iron of ferritin [µg] that has a moment of 1 ppm mm³: 1.10 ppb per µg/g at 1.04 g/ml.

Haemosiderin, deoxyhaemoglobin and methaemoglobin have other factors.
"""

LARGE = 20
"""Voxels from which a source is more than a point."""


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
    early_missing_mm3, early_missing_sd_mm3
        Volume of tissue whose signal is missing at the early echo in the shape of a small ball,
        with its standard deviation; NaN for what is larger. Unlike a void it does not depend on
        how voxels cut a small source.
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
    early_missing_mm3: float
    early_missing_sd_mm3: float
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
    *,
    centre: NDArray[np.float64],
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
        At which voids are measured, see `lesion_darkness.echoes_of_voids`.
    centre
        The fitted source as an index (z, y, x) with fractions.
    """
    own = contrast[site.box][site.region]
    voxels = int(site.region.sum())
    r2_star = maps.r2_star_per_s
    rate = math.nan if r2_star is None else float(np.median(r2_star[site.box][site.region]))
    early, late = (void_mm3(site, maps, maps.magnitude[n]) for n in echoes)
    missing, missing_sd = math.nan, math.nan
    if voxels < LARGE:
        missing, missing_sd = missing_mm3(centre, maps, maps.magnitude[echoes[0]])
    return LesionFeatures(
        voxels=voxels,
        volume_mm3=voxels * math.prod(maps.geometry.voxel_mm),
        mean_chi_ppm=float(own.mean()),
        extreme_chi_ppm=float(own.max() if site.contrast_ppm > 0 else own.min()),
        r2_star_per_s=rate,
        early_void_mm3=early,
        late_void_mm3=late,
        early_missing_mm3=missing,
        early_missing_sd_mm3=missing_sd,
        sphericity=site.sphericity,
        edge_mm=float(edge_mm[site.voxel]),
    )


def depth_of(maps: LesionMaps) -> NDArray[np.float64]:
    """Distance to the edge of the mask [Z, Y, X, mm]; the hole that a void leaves is no edge."""
    outside, _ = label(np.pad(~maps.mask, 1, constant_values=True))
    hull = outside[1:-1, 1:-1, 1:-1] != outside[0, 0, 0]
    return np.asarray(distance_transform_edt(hull, maps.geometry.voxel_mm))
