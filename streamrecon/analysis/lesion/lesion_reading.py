"""Lesions as a reading: one subject for each, then how many of each class lie where."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.lesion.lesion_features import IRON_UG_PER_PPM_MM3
from streamrecon.analysis.lesion.lesions import Lesion, LesionClass, Lesions
from streamrecon.analysis.reading import Extent, Outcome, Reading, Value

_METHOD = (
    "Compact blobs of susceptibility; moment = step of susceptibility times volume, fitted to the "
    "local field around each with the field of all else taken off; class by sign, certainty and "
    "darkness."
)
_DOIS = ("10.1148/radiol.11110251", "10.1016/j.neuroimage.2011.09.061")
_COUNTED = (LesionClass.BLEED, LesionClass.CALCIFICATION, LesionClass.INDETERMINATE)
_SURROUNDINGS = "surroundings"
Regions = Mapping[str, NDArray[np.bool_]]


def reading_of_lesions(
    lesions: Lesions,
    *,
    parameters: Mapping[str, float | str | bool],
    regions: Regions | None = None,
    doubts: tuple[str, ...] = (),
) -> Reading:
    """The reading of what `find_lesions` found.

    Parameters
    ----------
    lesions
        What was found.
    parameters
        With which.
    regions
        Name and voxels [Z, Y, X] of regions in which to count, if any.
    doubts
        Why the whole reading is flagged, beside lesions that are indeterminate.
    """
    values = [value for lesion in lesions.found for value in _values(lesion)]
    values += _counts("whole mask", lesions.found)
    for name, voxels in (regions or {}).items():
        there = [lesion for lesion in lesions.found if voxels[lesion.site.voxel]]
        values += _counts(name, there)
    unsure = sum(lesion.kind is LesionClass.INDETERMINATE for lesion in lesions.found)
    reasons = [*doubts]
    if lesions.unmeasured:
        reasons.append(f"partial: no time for the {lesions.unmeasured} weakest places")
    if unsure:
        reasons.append(f"{unsure} of {len(lesions.found)} places are indeterminate")
    return Reading(
        kind="lesions",
        outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
        method=_METHOD,
        values=tuple(values),
        reasons=tuple(reasons),
        parameters=parameters,
        dois=_DOIS,
    )


def extents_of_lesions(lesions: Lesions) -> list[Extent]:
    """Where each of them lies, under the name that its values have."""
    return [
        Extent.of_mask(_subject(lesion), lesion.kind.value, lesions.labels == lesion.number)
        for lesion in lesions.found
    ]


def _subject(lesion: Lesion) -> str:
    return f"lesion {lesion.number}"


def _values(lesion: Lesion) -> Iterator[Value]:
    """All numbers of one lesion, the same names for each."""
    features, moment = lesion.features, lesion.dipole.moment_ppm_mm3
    iron = IRON_UG_PER_PPM_MM3 * moment if lesion.kind is LesionClass.BLEED else math.nan
    sigma, iron_sigma = lesion.sigma_ppm_mm3, IRON_UG_PER_PPM_MM3 * lesion.sigma_ppm_mm3
    lacks, lacks_sd = features.early_missing_mm3, features.early_missing_sd_mm3
    left, posterior, superior = lesion.position_lps_mm
    rows: tuple[tuple[str, float, str, float | None, str], ...] = (
        ("moment", moment, "[ppm].mm3", sigma, _SURROUNDINGS),
        ("ferritin_equivalent_iron", iron, "ug", None if math.isnan(iron) else iron_sigma, ""),
        ("mean_chi", features.mean_chi_ppm, "[ppm]", None, _SURROUNDINGS),
        ("extreme_chi", features.extreme_chi_ppm, "[ppm]", None, _SURROUNDINGS),
        ("r2_star", features.r2_star_per_s, "/s", None, ""),
        ("diameter", features.diameter_mm, "mm", None, ""),
        ("early_void", features.early_void_mm3, "mm3", None, ""),
        ("late_void", features.late_void_mm3, "mm3", None, ""),
        ("early_missing", lacks, "mm3", None if math.isnan(lacks) else lacks_sd, ""),
        ("sphericity", features.sphericity, "1", None, ""),
        ("edge_distance", features.edge_mm, "mm", None, ""),
        *((("ct", lesion.ct_hu, "[hnsf'U]", None, ""),) if lesion.ct_hu is not None else ()),
        ("left", left, "mm", None, ""),
        ("posterior", posterior, "mm", None, ""),
        ("superior", superior, "mm", None, ""),
    )
    for name, number, unit, its_sigma, reference in rows:
        yield Value(
            subject=_subject(lesion),
            name=name,
            number=number,
            unit=unit,
            sigma=its_sigma,
            reference=reference,
            voxels=features.voxels,
            quality=lesion.kind.value,
            flags=lesion.flags,
        )


def _counts(where: str, lesions: tuple[Lesion, ...] | list[Lesion]) -> list[Value]:
    """How many of each class; vessels are no lesions and are not counted."""
    number = Counter(lesion.kind for lesion in lesions)
    return [
        Value(subject=where, name=f"{kind.value}_count", number=float(number[kind]), unit="")
        for kind in _COUNTED
    ]
