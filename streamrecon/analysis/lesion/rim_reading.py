"""Reads the rims of all lesions of a mask: a row for each, and the patient's count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from streamrecon.analysis.lesion.lesion_split import SMALLEST_MM3, SplitLesions, split_lesions
from streamrecon.analysis.lesion.rims import (
    CONTRAST_PPM,
    COVERED,
    UNCERTAIN,
    Rim,
    RimClass,
    measure_rim,
    signed_depth,
)
from streamrecon.analysis.reading import Extent, Outcome, Reading, Value
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Triple

Floating = NDArray[np.floating]
Flags = NDArray[np.bool_]

MANY = 4
"""Rim lesions from which their number is told apart."""

_PPB = 1e3
_SMALL_MM3 = 4 / 3 * math.pi * 2.5**3  # of 5 mm across: the core has hardly a voxel
_NEAR_MIDDLE = 0.4  # of the lesion's depth
_RIM_MM, _CORE_MM = 2.0, 2.5
_CORNERS = np.ones((3, 3, 3), bool)
_DOIS = ("10.1038/s41582-024-00980-4",)
_METHOD = "χ along 92 rays through the border of each lesion, against its core and surroundings"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RimMaps:
    """What is read [Z, Y, X each].

    Parameters
    ----------
    chi_ppm, mask, voxel_mm
        Susceptibility [ppm], where it is known, and size of a voxel (z, y, x) [mm].
    lesions
        All lesions of the patient.
    veins
        Mask of veins; without it none is excluded, and no central vein is told.
    chi_sd_ppm, r2_star_per_s
        Its standard deviation by noise [ppm]; R2* [1/s].
    """

    chi_ppm: Floating
    mask: Flags
    voxel_mm: Triple
    lesions: Flags
    veins: Flags | None = None
    chi_sd_ppm: Floating | None = None
    r2_star_per_s: Floating | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RimResults:
    """Lesions by number, the rims that could be measured, and the reading."""

    lesions: SplitLesions
    rims: Mapping[int, Rim]
    reading: Reading


def read_rims(maps: RimMaps, *, smallest_mm3: float = SMALLEST_MM3) -> RimResults:
    """Measure every lesion's border.

    Parameters
    ----------
    maps
        What is read.
    smallest_mm3
        Smaller lesions are left out, and counted.
    """
    lesions = split_lesions(maps.lesions, maps.voxel_mm, smallest_mm3=smallest_mm3)
    veins = np.zeros(maps.mask.shape, bool) if maps.veins is None else maps.veins
    rims: dict[int, Rim] = {}
    reasons = list(_doubts(maps, lesions))
    values: list[Value] = []
    for number in range(1, lesions.count + 1):
        lesion = lesions.numbers == number
        excluded = veins | ~maps.mask | (maps.lesions & ~lesion)
        try:
            rim = measure_rim(
                maps.chi_ppm, lesion, excluded, maps.voxel_mm, noise_ppm=_noise(maps, lesion)
            )
        except ReconError as e:
            reasons.append(f"lesion {number}: {e}")
            continue
        rims[number] = rim
        values += _rows(number, rim, lesion, maps, lesions)
    outcome = Outcome.FLAGGED if reasons else Outcome.GIVEN
    if not rims:
        if not lesions.count:
            reasons.insert(0, "no lesion was found in the mask")
        outcome = Outcome.REFUSED
    reading = Reading(
        kind="rims",
        outcome=outcome,
        method=_METHOD,
        values=() if not rims else (*_counts(rims, maps), *values),
        reasons=tuple(reasons),
        parameters={
            "smallest_mm3": smallest_mm3,
            "least_contrast_ppb": _PPB * CONTRAST_PPM,
            "covered": COVERED,
            "uncertain": UNCERTAIN,
        },
        dois=_DOIS,
    )
    return RimResults(lesions, rims, reading)


def extents_of_rims(results: RimResults, voxel_mm: Triple) -> list[Extent]:
    """Where the lesions lie, and the rims of those that have one: 2 mm below the surface."""
    extents = []
    for number, rim in results.rims.items():
        lesion = results.lesions.numbers == number
        extents.append(Extent.of_mask(f"lesion {number}", "lesion", lesion))
        if rim.kind is RimClass.RIM:
            border = lesion & (signed_depth(lesion, voxel_mm) <= _RIM_MM)
            extents.append(Extent.of_mask(f"rim of lesion {number}", "rim", border))
    return extents


def central_vein(lesion: Flags, veins: Flags, voxel_mm: Triple) -> bool:
    """Whether a vein passes the middle of the lesion and leaves it.

    A mask of veins has gaps: its absence says little.
    """
    depth = signed_depth(lesion, voxel_mm)
    middle = depth > (1 - _NEAR_MIDDLE) * float(depth.max())
    pieces, _ = label(veins & binary_dilation(lesion, _CORNERS, iterations=2), _CORNERS)
    crossing = set(np.unique(pieces[middle & veins]).tolist()) - {0}
    leaving = set(np.unique(pieces[~lesion]).tolist())
    return bool(crossing & leaving)


def _noise(maps: RimMaps, lesion: Flags) -> float:
    return 0.0 if maps.chi_sd_ppm is None else float(np.median(maps.chi_sd_ppm[lesion]))


def _rows(
    number: int, rim: Rim, lesion: Flags, maps: RimMaps, lesions: SplitLesions
) -> Iterator[Value]:
    """All numbers of one lesion."""
    name, voxels = f"lesion {number}", int(lesion.sum())
    volume_mm3 = voxels * math.prod(maps.voxel_mm)
    flags: tuple[str, ...] = ("confluent",) if number in lesions.confluent else ()
    if volume_mm3 < _SMALL_MM3:
        flags += ("small: below 5 mm across",)
    planes = dict(zip(("across_z", "across_y", "across_x"), rim.in_planes, strict=True))
    numbers = {
        "rim_score": (rim.score, ""),
        "coverage": (rim.coverage, ""),
        **{f"coverage_{plane}": (part, "") for plane, part in planes.items()},
        "rim_against_core": (_PPB * rim.against_core_ppm, "ppb"),
        "rim_against_outside": (_PPB * rim.against_outside_ppm, "ppb"),
        "rim_thickness": (rim.thickness_mm, "mm"),
        "surface_moved": (rim.moved_mm, "mm"),
        "volume": (volume_mm3, "mm3"),
        **_of_decay(lesion, maps),
    }
    if maps.veins is not None:
        numbers["central_vein"] = (float(central_vein(lesion, maps.veins, maps.voxel_mm)), "")
    for word, (value, unit) in numbers.items():
        if math.isfinite(value):
            yield Value(
                subject=name, name=word, number=value, unit=unit, voxels=voxels,
                quality=rim.kind.value, flags=flags,
            )  # fmt: skip


def _of_decay(lesion: Flags, maps: RimMaps) -> dict[str, tuple[float, str]]:
    """Median R2* of rim and core, where they have voxels."""
    if maps.r2_star_per_s is None:
        return {}
    depth = signed_depth(lesion, maps.voxel_mm)
    places = {"r2star_rim": lesion & (depth <= _RIM_MM), "r2star_core": depth > _CORE_MM}
    return {
        name: (float(np.median(maps.r2_star_per_s[place])), "1/s")
        for name, place in places.items()
        if place.any()
    }


def _counts(rims: Mapping[int, Rim], maps: RimMaps) -> Iterator[Value]:
    """How many lesions there are of each class, and their volume."""
    for kind in RimClass:
        count = sum(rim.kind is kind for rim in rims.values())
        many = kind is RimClass.RIM and count >= MANY
        yield Value(
            subject="patient", name=f"lesions: {kind.value}", number=count, unit="",
            flags=("four or more",) if many else (),
        )  # fmt: skip
    volume = int(maps.lesions.sum()) * math.prod(maps.voxel_mm)
    yield Value(subject="patient", name="lesion_volume", number=volume, unit="mm3")


def _doubts(maps: RimMaps, lesions: SplitLesions) -> Sequence[str]:
    doubts = []
    if maps.veins is None:
        doubts.append("no mask of veins was given: a vein at a border may pass for a rim")
    if maps.chi_sd_ppm is None:
        doubts.append("the noise of χ is not known: the limit is 12 ppb")
    if lesions.too_small:
        doubts.append(f"{lesions.too_small} lesions are too small to have a rim and are left out")
    if max(maps.voxel_mm) > 1.5:
        doubts.append(f"voxels of {max(maps.voxel_mm):g} mm are thicker than a rim")
    return doubts
