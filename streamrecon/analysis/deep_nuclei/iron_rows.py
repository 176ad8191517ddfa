"""Rows of the iron reading: what is told of one region, and of a pair."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from streamrecon.analysis.deep_nuclei.iron_concentration import iron_concentration
from streamrecon.analysis.deep_nuclei.norms import Norm
from streamrecon.analysis.deep_nuclei.nuclei import Side, place_of, without_side
from streamrecon.analysis.deep_nuclei.region_statistics import RegionStatistics
from streamrecon.analysis.deep_nuclei.whole_mean import WholeMean
from streamrecon.analysis.reading import Value
from streamrecon.analysis.zeros import Zero

Flags = tuple[str, ...]

WHOLE_MEAN = "whole_mean_chi"
"""Name of the mean that `streamrecon.analysis.deep_nuclei.whole_mean` finds."""

_PPB = 1e3


def means(name: str, chi: RegionStatistics, zero: Zero, flags: Flags) -> Iterator[Value]:
    """Means against one reference."""
    sigma = _joined(chi.sigma, zero.sigma_ppm)
    for word, number in (("mean_chi", chi.mean), ("robust_mean_chi", chi.robust_mean)):
        yield Value(
            subject=name, name=word, number=(number - zero.chi_ppm) * _PPB, unit="ppb",
            sigma=None if sigma is None else sigma * _PPB, reference=zero.name,
            voxels=chi.used_voxels, flags=flags,
        )  # fmt: skip


def whole(name: str, found: WholeMean | None, zeros: Sequence[Zero]) -> Iterator[Value]:
    """The mean that neither blur nor decay moves, where there is one, against every reference."""
    if found is None:
        return
    for zero in zeros:
        sigma = _joined(found.sigma_ppm, zero.sigma_ppm)
        yield Value(
            subject=name, name=WHOLE_MEAN, number=(found.chi_ppm - zero.chi_ppm) * _PPB,
            unit="ppb", sigma=None if sigma is None else sigma * _PPB, reference=zero.name,
            voxels=found.voxels,
        )  # fmt: skip


def distribution(name: str, chi: RegionStatistics, zero: Zero, flags: Flags) -> Iterator[Value]:
    """Spread, percentiles, the high part, and the moment, which loss of volume does not raise."""
    for word, number in (
        ("median_chi", chi.median), ("p5_chi", chi.p5), ("p95_chi", chi.p95),
        ("high_mean_chi", chi.high_mean),
    ):  # fmt: skip
        if math.isfinite(number):
            yield Value(
                subject=name, name=word, number=(number - zero.chi_ppm) * _PPB, unit="ppb",
                reference=zero.name, voxels=chi.used_voxels, flags=flags,
            )  # fmt: skip
    for word, number, unit in (
        ("sd_chi", chi.sd * _PPB, "ppb"), ("high_fraction", chi.high_fraction, ""),
        ("volume", chi.volume_mm3, "mm3"),
    ):  # fmt: skip
        yield Value(
            subject=name, name=word, number=number, unit=unit, voxels=chi.used_voxels, flags=flags
        )
    sigma = _joined(chi.sigma, zero.sigma_ppm)
    yield Value(
        subject=name, name="moment", number=(chi.mean - zero.chi_ppm) * chi.volume_mm3,
        unit="ppm mm3", sigma=None if sigma is None else sigma * chi.volume_mm3,
        reference=zero.name, voxels=chi.voxels, flags=flags,
    )  # fmt: skip


def iron(
    name: str, chi: RegionStatistics, zero: Zero, chi_0_ppb: float | None, flags: Flags
) -> Iterator[Value]:
    """Iron with its range, where χ may be called iron; none without χ₀."""
    if chi_0_ppb is None:
        return
    sigma = _joined(chi.sigma, zero.sigma_ppm)
    found = iron_concentration(
        name, (chi.robust_mean - zero.chi_ppm) * _PPB, chi_0_ppb=chi_0_ppb,
        sigma_ppb=None if sigma is None else sigma * _PPB,
    )  # fmt: skip
    if found is None:
        return
    for word, number, error in (
        ("iron", found.ug_per_g, found.sigma), ("iron_lowest", found.lowest, None),
        ("iron_highest", found.highest, None),
    ):  # fmt: skip
        yield Value(
            subject=name, name=word, number=number, unit="ug/g", sigma=error,
            reference=zero.name, voxels=chi.used_voxels, flags=flags,
        )  # fmt: skip


def decay(name: str, rate: RegionStatistics, flags: Flags) -> Iterator[Value]:
    """R2* of the region."""
    for word, number, sigma in (
        ("mean_r2star", rate.mean, rate.sigma),
        ("robust_mean_r2star", rate.robust_mean, rate.sigma),
        ("sd_r2star", rate.sd, None),
    ):
        yield Value(
            subject=name, name=word, number=number, unit="1/s", sigma=sigma,
            voxels=rate.used_voxels, flags=flags,
        )  # fmt: skip


def score(name: str, word: str, number: float, norm: Norm | None, flags: Flags) -> Iterator[Value]:
    """Distance from the healthy, where the user's table knows them."""
    if norm is not None:
        yield Value(
            subject=name, name=word, number=norm.z(number), unit="", reference=norm.reference,
            flags=flags,
        )  # fmt: skip


def asymmetries(values: Sequence[Value], reference: str) -> Iterator[Value]:
    """Left less right of each pair; a zero that moves both does not move it."""
    for word, unit in (("robust_mean_chi", "ppb"), ("robust_mean_r2star", "1/s")):
        those = [v for v in values if v.name == word and v.reference in {reference, ""}]
        sides = {(without_side(v.subject), place_of(v.subject).side): v for v in those}
        for (region, side), left in sides.items():
            right = sides.get((region, Side.RIGHT))
            if side is Side.LEFT and right is not None:
                yield Value(
                    subject=region, name=f"asymmetry_{word.rsplit('_', 1)[1]}", unit=unit,
                    number=left.number - right.number,
                    sigma=_joined(left.sigma, right.sigma),
                    voxels=left.voxels + right.voxels,
                )  # fmt: skip


def references(zeros: Sequence[Zero], voxel_mm3: float) -> Iterator[Value]:
    """How far the zeros lie apart, and how large they are: what shifts between visits."""
    whole = zeros[0]
    for zero in zeros:
        yield Value(
            subject=zero.name, name="volume", number=zero.voxels * voxel_mm3, unit="mm3",
            voxels=zero.voxels,
        )  # fmt: skip
        if zero is not whole:
            yield Value(
                subject=zero.name, name="mean_chi", number=(zero.chi_ppm - whole.chi_ppm) * _PPB,
                unit="ppb", reference=whole.name, voxels=zero.voxels,
            )  # fmt: skip


def _joined(first: float | None, second: float | None) -> float | None:
    """Standard deviation of a sum or difference; ``None`` where either is not known."""
    return None if first is None or second is None else math.hypot(first, second)
