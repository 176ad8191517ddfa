"""Susceptibility and R2* of the regions of a label map, and iron where it may be named.

Every number of χ stands against the whole brain, and once more against fluid where there is some.
Where the mask is no brain, the whole mask stands in its place. Moments, percentiles, iron and
z-scores are those of one of them, which is named with each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.iron_concentration import DOIS
from streamrecon.analysis.deep_nuclei.iron_presets import PRESETS, IronPreset
from streamrecon.analysis.deep_nuclei.iron_rows import (
    asymmetries,
    decay,
    distribution,
    iron,
    means,
    references,
    score,
    whole,
)
from streamrecon.analysis.deep_nuclei.norms import Norms
from streamrecon.analysis.deep_nuclei.nuclei import place_of
from streamrecon.analysis.deep_nuclei.region_statistics import region_statistics
from streamrecon.analysis.deep_nuclei.whole_mean import whole_mean
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.analysis.zeros import CSF, WHOLE_BRAIN, Zero, zeros_of_map
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Triple

Real = NDArray[np.floating]
Flags = NDArray[np.bool_]
Regions = Sequence[tuple[str, Flags]]

ALIKE_MM3 = 60.0
"""Volume over which noise of the standard susceptibility map is alike [mm³]; see the readings."""

SCORES = ("z_chi", "z_r2star")
"""Names of the distances from the healthy."""

_PPB = 1e3
_LEAST_INSIDE = 0.8  # of a region, inside the map's mask
_METHOD = "means of χ and R2* in labelled regions, less their rims, against stated references"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class IronMaps:
    """What is read [Z, Y, X each]; standard deviations by noise where they are known.

    Parameters
    ----------
    chi_ppm, mask
        Susceptibility [ppm] on whatever zero, and where it is known.
    voxel_mm
        Size of a voxel (z, y, x) [mm].
    chi_sd_ppm, r2_star_per_s, r2_star_sd_per_s
        Further maps [ppm], [1/s], [1/s].
    csf
        Fluid that may be a reference.
    whole
        What all of the mask is called, as in `zeros_of_map`.
    """

    chi_ppm: Real
    mask: Flags
    voxel_mm: Triple
    chi_sd_ppm: Real | None = None
    r2_star_per_s: Real | None = None
    r2_star_sd_per_s: Real | None = None
    csf: Flags | None = None
    whole: str = WHOLE_BRAIN

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel [mm³]."""
        return math.prod(self.voxel_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class IronSettings:
    """How it is read.

    Parameters
    ----------
    reference
        Zero of moments, percentiles, iron and z-scores: ``whole brain`` or ``CSF``. Where the
        mask is no brain, the former is the whole mask.
    preset
        A name of `PRESETS`.
    erode_mm, alike_mm3
        See `region_statistics`; noise of R2* counts as white.
    chi_0_ppb
        Tissue without iron on that zero [ppb].
    norms, age_years
        The user's table, and the patient's age in it.
    """

    reference: str = WHOLE_BRAIN
    preset: str = "general"
    erode_mm: float = 1.0
    alike_mm3: float = ALIKE_MM3
    chi_0_ppb: float = 0.0
    norms: Norms = field(default_factory=Norms)
    age_years: float | None = None


def read_iron(maps: IronMaps, regions: Regions, settings: IronSettings) -> Reading:
    """Read every region.

    Sigmas hold noise alone: of the region and of the reference. They hold neither the inversion's
    flattening nor what another label or another reference would have given, which are larger.

    Parameters
    ----------
    maps
        What is read.
    regions
        Name and voxels [Z, Y, X] of each; their places are taken from the names, see `place_of`.
    settings
        How it is read.

    Raises
    ------
    ReconError
        If the mask has fewer than 30 voxels.
    """
    preset = PRESETS[settings.preset]
    if settings.reference == WHOLE_BRAIN:
        settings = replace(settings, reference=maps.whole)
    zeros = zeros_of_map(
        maps.chi_ppm, maps.mask, maps.csf, whole=maps.whole, chi_sd_ppm=maps.chi_sd_ppm,
        voxel_mm3=maps.voxel_mm3, alike_mm3=settings.alike_mm3,
    )  # fmt: skip
    if settings.reference not in {zero.name for zero in zeros}:
        return _refused(settings, f"no region of the reference {settings.reference} was found")
    values: list[Value] = []
    reasons = _missing(preset, regions, maps, zeros)
    for name, region in regions:
        try:
            values += _region_values(name, region, maps, zeros, settings)
        except ReconError as e:
            reasons.append(f"{name}: {e}")
    if not values:
        return _refused(settings, *reasons)
    if settings.norms.rows and not any(value.name in SCORES for value in values):
        reasons.append("no row of the table of the healthy is of these regions, zero and age")
    values += _whole_means(regions, maps, zeros, settings)
    values += asymmetries(values, settings.reference)
    values += references(zeros, maps.voxel_mm3)
    return Reading(
        kind="iron",
        outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
        method=_METHOD,
        values=tuple(values),
        reasons=(*reasons, *preset.warnings),
        parameters=_parameters(settings),
        dois=DOIS,
    )


def _region_values(
    name: str, region: Flags, maps: IronMaps, zeros: Sequence[Zero], settings: IronSettings
) -> list[Value]:
    """All numbers of one region."""
    inside = region & maps.mask
    flags: tuple[str, ...] = ()
    if inside.sum() < _LEAST_INSIDE * region.sum():
        flags = ("cut by the mask",)
    main = next(zero for zero in zeros if zero.name == settings.reference)
    norm = settings.norms.find(name, "chi", main.name, settings.age_years)
    limit = None if norm is None else norm.upper_limit / _PPB + main.chi_ppm
    chi = region_statistics(
        maps.chi_ppm, inside, maps.voxel_mm, sd=maps.chi_sd_ppm, high_from=limit,
        alike_mm3=settings.alike_mm3, erode_mm=settings.erode_mm,
    )  # fmt: skip
    if settings.erode_mm and not chi.is_eroded:
        flags += ("narrow: its rim is in it",)
    chi_0_ppb = settings.chi_0_ppb if PRESETS[settings.preset].names_iron else None
    robust_ppb = (chi.robust_mean - main.chi_ppm) * _PPB
    values = [
        *(value for zero in zeros for value in means(name, chi, zero, flags)),
        *distribution(name, chi, main, flags),
        *iron(name, chi, main, chi_0_ppb, flags),
        *score(name, SCORES[0], robust_ppb, norm, flags),
    ]
    if maps.r2_star_per_s is None:
        return values
    rate = region_statistics(
        maps.r2_star_per_s, inside, maps.voxel_mm, sd=maps.r2_star_sd_per_s,
        alike_mm3=maps.voxel_mm3, erode_mm=settings.erode_mm,
    )  # fmt: skip
    norm = settings.norms.find(name, "r2star", "", settings.age_years)
    return [
        *values,
        *decay(name, rate, flags),
        *score(name, SCORES[1], rate.robust_mean, norm, flags),
    ]


def _whole_means(
    regions: Regions, maps: IronMaps, zeros: Sequence[Zero], settings: IronSettings
) -> Iterator[Value]:
    """Means of whole nuclei; other regions are what is around these, and have none."""
    nuclei = [(name, region) for name, region in regions if place_of(name).nucleus is not None]
    for name, region in nuclei:
        others = np.any([other for its, other in nuclei if its != name], axis=0)
        found = whole_mean(
            maps.chi_ppm, region, others & ~region, maps.mask, maps.voxel_mm,
            sd_ppm=maps.chi_sd_ppm, alike_mm3=settings.alike_mm3,
        )  # fmt: skip
        yield from whole(name, found, zeros)


def _missing(
    preset: IronPreset, regions: Regions, maps: IronMaps, zeros: Sequence[Zero]
) -> list[str]:
    """What the preset or a reader would want and is not there."""
    found = {place_of(name).nucleus for name, _ in regions}
    reasons = [f"no region is the {each.value}" for each in preset.nuclei if each not in found]
    if CSF not in {zero.name for zero in zeros}:
        reasons.append(f"no fluid was found: the {maps.whole} is the only reference")
    if max(maps.voxel_mm) > preset.thickest_mm:
        reasons.append(
            f"found voxels of {max(maps.voxel_mm):g} mm, wanted at most {preset.thickest_mm:g} mm"
        )
    return reasons


def _parameters(settings: IronSettings) -> dict[str, float | str | bool]:
    table = {"norms": settings.norms.source} if settings.norms.rows else {}
    return {
        **table,
        "reference": settings.reference,
        "preset": settings.preset,
        "erode_mm": settings.erode_mm,
        "noise_alike_mm3": settings.alike_mm3,
        "chi_0_ppb": settings.chi_0_ppb,
    }


def _refused(settings: IronSettings, *reasons: str) -> Reading:
    return Reading(
        kind="iron",
        outcome=Outcome.REFUSED,
        method=_METHOD,
        reasons=reasons,
        parameters=_parameters(settings),
        dois=DOIS,
    )
