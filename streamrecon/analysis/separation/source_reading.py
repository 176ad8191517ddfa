"""Reads sources of both signs: maps for the eye, and a row for each region."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.iron import ALIKE_MM3
from streamrecon.analysis.deep_nuclei.region_statistics import FEWEST_VOXELS, eroded, sigma_of_mean
from streamrecon.analysis.reading import Outcome, Reading, ReadingMap, Value
from streamrecon.analysis.separation.joint_sources import Noise, separate_jointly
from streamrecon.analysis.separation.sources import (
    DOIS,
    PSEUDO_R2_PER_S,
    Relaxivity,
    Sources,
    coherence_index,
    quadrants,
    r2_prime,
    separate,
    separation_sd,
)
from streamrecon.analysis.zeros import CSF, WHOLE_BRAIN, zeros_of_map
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.inversion.field_noise import noise_of_field
from streamrecon.qsm.inversion.gradient_cost import strength_from_noise

Real = NDArray[np.float32]
Floating = NDArray[np.floating]
Flags = NDArray[np.bool_]
Regions = Sequence[tuple[str, Flags]]

_PPB = 1e3
_MODEL_SD_PER_S = 2.0  # of R2' by R2, gradients and fibres, beside noise
_MANY_CUT = 0.3  # of the voxels with R2* below R2
_METHOD = "R2' from R2* and R2; sources of both signs voxel by voxel, and jointly with the field"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SourceMaps:
    """What is read [Z, Y, X each].

    Parameters
    ----------
    chi_ppm, mask, geometry, b0_t
        Susceptibility [ppm] on whatever zero, where it is known, its grid and the field [T].
    r2_star_per_s
        R2* [1/s], macroscopic gradients taken off.
    r2_per_s
        R2 of spin echoes [1/s]; a number stands for all tissue, which is told.
    csf
        Fluid, whose χ is taken as zero; without it the whole brain's, which is told.
    whole
        What all of the mask is called, as in `zeros_of_map`.
    chi_sd_ppm, r2_star_sd_per_s
        Standard deviations by noise.
    local_field_ppm, field_sd_ppm
        For the joint fit; without a field there is none.
    """

    chi_ppm: Floating
    mask: Flags
    geometry: Geometry
    b0_t: float
    r2_star_per_s: Floating
    r2_per_s: Floating | float = PSEUDO_R2_PER_S
    csf: Flags | None = None
    whole: str = WHOLE_BRAIN
    chi_sd_ppm: Floating | None = None
    r2_star_sd_per_s: Floating | None = None
    local_field_ppm: Floating | None = None
    field_sd_ppm: Floating | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SourceResults:
    """The maps [Z, Y, X] and the reading.

    Parameters
    ----------
    r2_prime_per_s, coherence
        R2' and how well χ explains it.
    alone, joint
        Sources voxel by voxel; by the joint fit, ``None`` without a field.
    quadrant
        `Quadrant` of each voxel, ``None`` without a map of R2.
    reading
        Rows of all regions.
    """

    r2_prime_per_s: Real
    coherence: Real
    alone: Sources
    joint: Sources | None
    quadrant: NDArray[np.uint8] | None
    reading: Reading

    def maps(self) -> list[ReadingMap]:
        """What is known in every voxel, with its unit."""
        found = [
            ReadingMap("r2_prime", self.r2_prime_per_s, "1/s"),
            ReadingMap("coherence", self.coherence, ""),
        ]
        for word, both in (("", self.alone), ("joint_", self.joint)):
            if both is not None:
                found.append(ReadingMap(f"{word}chi_positive", both.positive_ppm, "ppm"))
                found.append(ReadingMap(f"{word}chi_negative", both.negative_ppm, "ppm"))
        return found


def read_sources(
    maps: SourceMaps,
    regions: Regions,
    relaxivity: Relaxivity,
    *,
    jointly: bool = True,
    seconds: float = math.inf,
) -> SourceResults:
    """Separate the sources, and tell the means of each region.

    Parameters
    ----------
    maps
        What is read.
    regions
        Name and voxels [Z, Y, X] of each; all of the mask is read besides.
    relaxivity
        At this field, see `Relaxivity.at`.
    jointly
        Whether to fit field and R2' together, where there is a field.
    seconds
        Time for that fit; one that fails, or would not end by then, is told and costs itself alone.

    Raises
    ------
    ReconError
        If the mask has fewer than 30 voxels, or a map is not finite inside it.
    """
    known_ppm = _inside(maps.chi_ppm, maps.mask, "χ")
    decay = _inside(maps.r2_star_per_s, maps.mask, "R2*")
    rate = _inside(r2_prime(decay, maps.r2_per_s), maps.mask, "R2")
    voxel_mm3 = math.prod(maps.geometry.voxel_mm)
    zeros = {
        zero.name: zero.chi_ppm
        for zero in zeros_of_map(
            known_ppm,
            maps.mask,
            maps.csf,
            whole=maps.whole,
            voxel_mm3=voxel_mm3,
            alike_mm3=ALIKE_MM3,
        )
    }
    reference = CSF if CSF in zeros else next(iter(zeros))
    chi = _inside(known_ppm - zeros[reference], maps.mask, "χ")
    alone = separate(chi, rate, maps.mask, relaxivity)
    joint = None
    failed: tuple[str, ...] = ()
    if jointly and maps.local_field_ppm is not None:
        try:
            joint = _jointly(maps, maps.local_field_ppm, rate, alone, relaxivity, seconds=seconds)
        except ReconError as e:
            failed = (f"partial, voxel by voxel alone: {e}",)
    found = _Found(chi, rate, alone, joint, relaxivity)
    every = [(maps.whole, maps.mask), *regions]
    values = [v for name, region in every for v in _rows(name, region & maps.mask, maps, found)]
    reasons = (*failed, *_doubts(maps, rate, reference))
    r2 = maps.r2_per_s
    return SourceResults(
        r2_prime_per_s=rate,
        coherence=coherence_index(chi, rate, maps.mask, relaxivity),
        alone=alone,
        joint=joint,
        quadrant=quadrants(chi, r2, maps.mask) if isinstance(r2, np.ndarray) else None,
        reading=Reading(
            kind="sources",
            outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
            method=_METHOD,
            values=tuple(_against(reference, values)),
            reasons=reasons,
            parameters={
                "d_positive_per_s_ppm": relaxivity.positive,
                "d_negative_per_s_ppm": relaxivity.negative,
                "r2": "map" if isinstance(r2, np.ndarray) else f"pseudo, {r2:g} 1/s",
                "reference": reference,
            },
            dois=DOIS,
        ),
    )


def _inside(values: Floating, mask: Flags, name: str) -> Real:
    """The map, 0 outside of the mask; one that is not finite in it is refused."""
    if not np.isfinite(values[mask]).all():
        raise ReconError(f"sources: {name} is not finite inside the mask")
    return np.where(mask, values, 0).astype(np.float32)


def _jointly(
    maps: SourceMaps,
    field_ppm: Floating,
    rate: Real,
    start: Sources,
    relaxivity: Relaxivity,
    *,
    seconds: float,
) -> Sources:
    """The joint fit with the noise of this scan."""
    is_given = maps.field_sd_ppm is None  # else a removal of our own has left it
    if maps.field_sd_ppm is None:
        sd_ppm = noise_of_field(field_ppm, maps.mask, maps.geometry)
    else:
        sd_ppm = float(np.median(maps.field_sd_ppm[maps.mask]))
    strength = strength_from_noise(np.full(1, sd_ppm), np.ones(1, bool), is_clean=is_given)
    noise = Noise(
        field_ppm=sd_ppm, r2_prime_per_s=_r2_prime_sd(maps, maps.mask), strength=strength.value
    )
    return separate_jointly(
        field_ppm, rate, maps.mask, maps.geometry, relaxivity,
        noise=noise, start=start, seconds=seconds,
    )  # fmt: skip


def _r2_prime_sd(maps: SourceMaps, region: Flags) -> float:
    """Standard deviation of a voxel's R2' [1/s]: of R2* by noise, and of R2 and the model."""
    known = maps.r2_star_sd_per_s
    return math.hypot(_MODEL_SD_PER_S, 0 if known is None else float(np.median(known[region])))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """χ against its reference, R2', and the sources that explain them."""

    chi: Real
    rate: Real
    alone: Sources
    joint: Sources | None
    relaxivity: Relaxivity


def _rows(name: str, region: Flags, maps: SourceMaps, found: _Found) -> Iterator[Value]:
    """Means of one region; the index is that of the means, whose noise is small."""
    core = eroded(region, maps.geometry.voxel_mm, 1.0) if name != maps.whole else region
    voxels = int(core.sum())
    if voxels < FEWEST_VOXELS:
        return
    means = np.array([values[core].mean(dtype=np.float64) for values in (found.chi, found.rate)])
    sigmas = _sigmas(maps, core, found.relaxivity)
    for word, both in (("", found.alone), ("joint_", found.joint)):
        if both is None:
            continue
        for sign, part, sigma in zip(
            ("positive", "negative"), (both.positive_ppm, both.negative_ppm), sigmas, strict=True
        ):
            yield Value(
                subject=name, name=f"{word}chi_{sign}", unit="ppb", voxels=voxels,
                number=_PPB * float(part[core].mean(dtype=np.float64)),
                sigma=None if word or sigma is None else _PPB * sigma,
            )  # fmt: skip
    here = np.ones(1, bool)
    index = coherence_index(means[:1], means[1:], here, found.relaxivity)
    for word, number, unit in (
        ("mean_chi", _PPB * means[0], "ppb"), ("r2_prime", means[1], "1/s"),
        ("coherence", index[0], ""),
    ):  # fmt: skip
        yield Value(subject=name, name=word, number=float(number), unit=unit, voxels=voxels)


def _sigmas(
    maps: SourceMaps, core: Flags, relaxivity: Relaxivity
) -> tuple[float | None, float | None]:
    """By noise of χ, alike over many voxels, and of R2*, which is white, of the two means [ppm]."""
    if maps.chi_sd_ppm is None or maps.r2_star_sd_per_s is None:
        return None, None
    voxel_mm3 = math.prod(maps.geometry.voxel_mm)
    of_chi = sigma_of_mean(maps.chi_sd_ppm[core], voxel_mm3, ALIKE_MM3)
    of_rate = sigma_of_mean(maps.r2_star_sd_per_s[core], voxel_mm3, voxel_mm3)
    positive, negative = separation_sd(of_chi, of_rate, relaxivity)
    return float(positive), float(negative)


def _against(reference: str, values: Sequence[Value]) -> Iterator[Value]:
    """Every χ names what it stands against."""
    for value in values:
        yield replace(value, reference=reference) if value.unit == "ppb" else value


def _doubts(maps: SourceMaps, rate: Real, reference: str) -> Iterator[str]:
    if not isinstance(maps.r2_per_s, np.ndarray):
        yield "R2 is one number for all tissue: R2' is pseudo, and there are no quadrants"
    if reference != CSF:
        off = "both sources are off by that"
        yield f"no fluid was found: χ stands against the {maps.whole}, {off}"
    if maps.local_field_ppm is None:
        yield "no local field was given: there is no joint fit"
    cut = float((rate[maps.mask] == 0).mean())
    if cut > _MANY_CUT:
        yield f"R2* is not above R2 in {cut:.0%} of the brain: R2' there is 0"
