"""Bleeds and calcifications: small sources of either sign, told apart by their dipole moment."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.lesion.dipole_moment import Dipole
from streamrecon.analysis.lesion.lesion_darkness import echoes_of_voids
from streamrecon.analysis.lesion.lesion_features import LesionFeatures, depth_of, features_of
from streamrecon.analysis.lesion.lesion_moment import OtherFields, centre_index, moment_of
from streamrecon.analysis.lesion.lesion_sites import LesionMaps, Site, contrast_of, find_sites
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Triple

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_FEWEST_SIGMA = 3.0  # below that there is no source
_ECHO_FRACTION = 0.04  # of the moment and of the contrast of the place that an echo is of
_ECHO_MM, _SAME_MM = 16.0, 3.0
_DARK_PART = 0.125  # of the region that is void: it is wider than a lesion that fills few voxels
_VEIN_FRACTION, _ROUND = 0.3, 0.6
_DOUBTFUL, _NO_SOURCE = 1.5, 3.0  # standard deviations that the fit leaves
_MODEL_ERROR = 0.07
"""Error of a moment that is no noise, as a fraction: simulated heads, see the documentation."""
_NEAR_EDGE_MM = 3.0


class LesionClass(Enum):
    """What a place is, by rules that are written in `find_lesions`."""

    BLEED = "bleed"
    CALCIFICATION = "calcification"
    VESSEL = "vessel"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One place.

    Parameters
    ----------
    number
        From 1, the largest moment first; also its label in `Lesions.labels`.
    kind
        Its class.
    position_lps_mm
        The fitted centre in the patient (L, P, S) [mm].
    site
        The voxels.
    dipole
        Moment and its standard deviation.
    features
        What else is measured on it.
    flags
        What is doubtful.
    ct_hu
        The densest point of a CT there [HU], where one was given.
    """

    number: int
    kind: LesionClass
    position_lps_mm: Triple
    site: Site
    dipole: Dipole
    features: LesionFeatures
    flags: tuple[str, ...]
    ct_hu: float | None = None

    @property
    def sigma_ppm_mm3(self) -> float:
        """Standard deviation of the moment [ppm mm³]: by noise and texture, and 7 % of it."""
        return math.hypot(self.dipole.sigma_ppm_mm3, _MODEL_ERROR * self.dipole.moment_ppm_mm3)


@dataclass(frozen=True, slots=True, eq=False)
class Lesions:
    """All that were found, and where.

    Parameters
    ----------
    found
        The largest moment first.
    labels
        Number of the lesion in each voxel [Z, Y, X], 0 elsewhere.
    echoes
        Places that were left out as echoes of a strong neighbour.
    unmeasured
        Places for which there was no time: the weakest.
    """

    found: tuple[Lesion, ...]
    labels: NDArray[np.int16]
    echoes: int
    unmeasured: int = 0

    def __str__(self) -> str:
        """How many of each class, in a sentence."""
        number = Counter(each.kind.value for each in self.found)
        return "lesions: " + (", ".join(f"{n} {kind}" for kind, n in number.items()) or "none")


def find_lesions(
    maps: LesionMaps,
    *,
    contrast_ppm: float = 0.12,
    k_sigma: float = 3.0,
    seconds: float = math.inf,
) -> Lesions:
    """Small bleeds and calcifications, with the moment of each.

    Places are compact blobs of χ (`find_sites`), measured by the field around them (`moment_of`),
    the strongest first. What they are follows from the moment m, its standard deviation σ, the
    contrast c of χ, and whether they are dark at an echo at which veins are not yet:

    - nothing: m within 3 σ; what is left of the field is 3 times what noise and texture make; or an
      echo of a stronger place: within 3 mm, or within 16 mm with less than 4 % of its m and c;
    - *vessel*: m > 0 and it is not dark, or 0.3 or more of it lies in veins and it is not round
      (sphericity below 0.6);
    - *bleed*: dark, m ≥ k σ, c > 0; *calcification*: dark, m ≤ −k σ, c < 0;
    - *indeterminate*: all else: m within k σ, or within 2 k σ where its field is not quite that of
      one small source; m and c of different signs; or not dark.

    Dark is a place with a void of an eighth of it or more. With m < 0, so that it is no vein, a
    small one that voxels cut to pieces is dark if signal is missing by 3 standard deviations.

    A positive moment is no proof of blood: gadolinium and iron are paramagnetic too. A negative one
    is no proof of calcium: fat and air are like it. No place is larger than 12 mm, or outside the
    mask. Two sources within 3 mm are one. Short vessels in dark tissue pass as bleeds.

    Parameters
    ----------
    maps
        The scan.
    contrast_ppm
        Weakest peak of χ above its surroundings [ppm].
    k_sigma
        Smallest ratio of a moment to its standard deviation for a class.
    seconds
        After that time no further place is measured; the strongest come first [s].

    Raises
    ------
    ReconError
        If χ is not finite inside the mask.

    References
    ----------
    Kuijf et al. (2012) NeuroImage 59:2266, radial symmetry. doi:10.1016/j.neuroimage.2011.09.061
    Liu et al. (2012) Radiology 262:269, total susceptibility. doi:10.1148/radiol.11110251
    """
    contrast = contrast_of(maps)
    others = OtherFields.of(maps)
    hidden = np.zeros(maps.mask.shape, bool)
    measured: list[tuple[Site, Dipole]] = []
    echoes, unmeasured, end = 0, 0, time.monotonic() + seconds
    for site in find_sites(maps, contrast, contrast_ppm=contrast_ppm):
        if time.monotonic() > end:
            unmeasured += 1
            continue
        dipole = _measured(site, maps, contrast, others, hidden)
        if dipole is None:
            continue
        if _is_echo(site, dipole, measured, maps):
            echoes += 1
            continue
        measured.append((site, dipole))
        hidden[site.box] |= site.region
    measured.sort(key=lambda each: -abs(each[1].moment_ppm_mm3))
    labels = np.zeros(maps.mask.shape, np.int16)
    for number, (site, _) in enumerate(measured, start=1):
        labels[site.box][site.region] = number
    found = tuple(_lesions(measured, maps, contrast, k_sigma))
    return Lesions(found, labels, echoes, unmeasured)


def _measured(
    site: Site, maps: LesionMaps, contrast: Real, others: OtherFields, hidden: Flags
) -> Dipole | None:
    """The moment of a place, ``None`` where there is none that its field shows."""
    try:
        dipole = moment_of(site, maps, contrast, others, hidden)
    except ReconError:  # at the edge of the mask too little of its field is known
        return None
    seen = abs(dipole.moment_ppm_mm3) >= _FEWEST_SIGMA * dipole.sigma_ppm_mm3
    return dipole if seen and dipole.misfit < _NO_SOURCE else None


def _is_echo(
    site: Site, dipole: Dipole, stronger: Sequence[tuple[Site, Dipole]], maps: LesionMaps
) -> bool:
    """Whether it may be a streak of the inversion, or a ripple of the image, beside another."""
    voxel_mm, centre = maps.geometry.voxel_mm, centre_index(site, dipole, maps)
    for other, its_dipole in stronger:
        apart = (centre - centre_index(other, its_dipole, maps)) * voxel_mm
        if np.linalg.norm(apart) < _SAME_MM:
            return True
        away = np.subtract(site.voxel, other.voxel) * voxel_mm
        weak = abs(dipole.moment_ppm_mm3) < _ECHO_FRACTION * abs(its_dipole.moment_ppm_mm3)
        pale = abs(site.contrast_ppm) < _ECHO_FRACTION * abs(other.contrast_ppm)
        if np.linalg.norm(away) < _ECHO_MM and weak and pale:
            return True
    return False


def _lesions(
    measured: Sequence[tuple[Site, Dipole]],
    maps: LesionMaps,
    contrast: Real,
    k_sigma: float,
) -> Iterator[Lesion]:
    affine, edge_mm, echoes = maps.geometry.affine_lps(), depth_of(maps), echoes_of_voids(maps)
    for number, (site, dipole) in enumerate(measured, start=1):
        centre = centre_index(site, dipole, maps)
        left, posterior, superior, _ = affine @ (*centre, 1)
        features = features_of(site, maps, contrast, edge_mm, echoes, centre=centre)
        yield Lesion(
            number=number,
            kind=_class_of(site, dipole, features, k_sigma),
            position_lps_mm=(float(left), float(posterior), float(superior)),
            site=site,
            dipole=dipole,
            features=features,
            flags=tuple(_flags(site, dipole, features)),
        )


def _class_of(site: Site, dipole: Dipole, features: LesionFeatures, k_sigma: float) -> LesionClass:
    moment, is_dark = dipole.moment_ppm_mm3, _is_dark(dipole, features)
    is_long = site.in_vein >= _VEIN_FRACTION and site.sphericity < _ROUND
    if is_long or (moment > 0 and not is_dark):
        return LesionClass.VESSEL
    needed = k_sigma if dipole.misfit <= _DOUBTFUL else 2 * k_sigma
    certain = abs(moment) >= needed * dipole.sigma_ppm_mm3
    if not certain or moment * site.contrast_ppm <= 0 or not is_dark:
        return LesionClass.INDETERMINATE
    return LesionClass.BLEED if moment > 0 else LesionClass.CALCIFICATION


def _is_dark(dipole: Dipole, features: LesionFeatures) -> bool:
    """Whether it has a void, or surely lacks signal and can be no piece of a vein."""
    surely = features.early_missing_mm3 >= _FEWEST_SIGMA * features.early_missing_sd_mm3
    return features.dark_part >= _DARK_PART or (dipole.moment_ppm_mm3 < 0 and surely)


def _flags(site: Site, dipole: Dipole, features: LesionFeatures) -> Iterator[str]:
    if features.edge_mm < _NEAR_EDGE_MM:
        yield "near the edge of the mask"
    if site.in_vein > 0:
        yield "touches a vein"
    if dipole.misfit > _DOUBTFUL:
        yield "its field is not quite that of one small source"
