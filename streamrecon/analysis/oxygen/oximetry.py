"""Oxygen in each vein: estimates of its susceptibility brought together, judged and converted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.oxygen.blood import Blood
from streamrecon.analysis.oxygen.vein_echoes import SegmentFit
from streamrecon.analysis.oxygen.vein_segments import VeinSegment

Real = NDArray[np.float64]


class VeinQuality(Enum):
    """Why a segment's value stands or does not, the first that holds."""

    NO_FIT = "no fit"
    TOO_SMALL = "too small"
    MAGIC_ANGLE = "magic angle"
    TOUCHING = "touching"
    CURVED = "curved"
    FLOW = "flow"
    MISFIT = "misfit"
    GOOD = "good"


SMALLEST_PIXELS = 0.75
MAGIC_DEG = 48.0, 62.0
TOUCHING_PIXELS = 1.5
CURVED_DEG = 45.0
FLOW_RAD = 0.3
MISFIT = 2.0

_MARGIN_DEG = 0.5  # the fit knows the angle to a few tenths of a degree
_RADIUS_PIXELS = 0.02  # by which radii are too large in bends
_CLEAR = 1.645  # standard deviations: one in twenty is beyond
_SURE = 4.0
_MAP_PIXELS = 2.0  # thinner veins of a map are wrong by more than it says
_MAP_PART = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Susceptibility of blood above that of tissue, by one method."""

    method: str
    chi_ppm: float
    sd_ppm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VeinOxygen:
    """What is said of one segment or sinus.

    ``chi_sd_ppm`` is of what the fit leaves, noise and texture; the haematocrit's is not in it.
    """

    subject: str
    quality: VeinQuality
    chi_ppm: float
    chi_sd_ppm: float
    radius_mm: float
    radius_sd_mm: float
    angle_rad: float
    length_mm: float
    voxels: int
    methods: tuple[Estimate, ...]

    def agrees(self) -> bool:
        """Whether its methods lie within three standard deviations of one another."""
        return all(
            abs(each.chi_ppm - self.chi_ppm) <= 3 * math.hypot(each.sd_ppm, self.chi_sd_ppm)
            for each in self.methods
        )


def vein_oxygen(
    subject: str,
    segment: VeinSegment,
    found: SegmentFit | None,
    *,
    noise: float | None = None,
    others: Sequence[Estimate] = (),
) -> VeinOxygen:
    """Judge a segment's fit and combine it with other estimates by inverse variance.

    Parameters
    ----------
    subject
        What it is called.
    segment, found
        The segment and its fit, if there is one.
    noise
        Standard deviation of the echoes, real or imaginary part, where it is known.
    others
        Estimates of other methods for the same vein; valid where they are given.
    """
    if found is None:
        return VeinOxygen(
            subject=subject, quality=VeinQuality.NO_FIT, chi_ppm=math.nan, chi_sd_ppm=math.nan,
            radius_mm=segment.radius_mm, radius_sd_mm=math.nan, angle_rad=math.nan,
            length_mm=2 * segment.half_mm, voxels=0, methods=(),
        )  # fmt: skip
    fit = found.fit
    own = Estimate(method="tube", chi_ppm=fit.chi_ppm, sd_ppm=fit.chi_sd_ppm)
    chi, sd = combined([own, *others])
    return VeinOxygen(
        subject=subject,
        quality=quality_of(segment, found, noise),
        chi_ppm=chi,
        chi_sd_ppm=sd,
        radius_mm=fit.radius_mm,
        radius_sd_mm=fit.radius_sd_mm,
        angle_rad=fit.angle_rad,
        length_mm=2 * segment.half_mm,
        voxels=fit.voxels,
        methods=(own, *others),
    )


def quality_of(segment: VeinSegment, found: SegmentFit, noise: float | None) -> VeinQuality:
    """The first reason against a segment's value, or that it is good."""
    fit, pixel = found.fit, found.pixel_mm
    angle = math.degrees(fit.angle_rad)
    margin = _MARGIN_DEG + math.degrees(fit.angle_sd_rad)
    surely = fit.radius_mm - _CLEAR * fit.radius_sd_mm - _RADIUS_PIXELS * pixel
    flow = abs(fit.flow_rad) > max(FLOW_RAD, _SURE * fit.flow_sd_rad)
    reasons = {
        VeinQuality.NO_FIT: not fit.converged or not math.isfinite(fit.chi_sd_ppm),
        VeinQuality.TOO_SMALL: surely < SMALLEST_PIXELS * pixel,
        VeinQuality.MAGIC_ANGLE: MAGIC_DEG[0] - margin < angle < MAGIC_DEG[1] + margin,
        VeinQuality.TOUCHING: found.gap_mm < fit.radius_mm + TOUCHING_PIXELS * pixel,
        VeinQuality.CURVED: math.degrees(segment.bend_rad()) > CURVED_DEG,
        VeinQuality.FLOW: flow,
        VeinQuality.MISFIT: fit.noise_within > MISFIT * max(fit.noise, noise or 0.0),
    }
    return next((reason for reason, holds in reasons.items() if holds), VeinQuality.GOOD)


def map_estimate(chi_ppm: NDArray[np.floating], found: SegmentFit) -> Estimate | None:
    """Slope of a susceptibility map over the fraction of blood; None for veins below two pixels.

    A tenth of the value is added to its deviation: regularisation shrinks even those.
    """
    fit = found.fit
    if fit.radius_mm < _MAP_PIXELS * found.pixel_mm:
        return None
    values = chi_ppm[tuple(found.voxels.T)].astype(float)
    known = np.isfinite(values) & (values != 0)
    if known.sum() < 30 or np.ptp(found.blood[known]) < 0.5:
        return None
    design = np.stack([found.blood[known], np.ones(int(known.sum()))], -1)
    solution, squares, _, _ = np.linalg.lstsq(design, values[known], rcond=None)
    variance = float(squares.sum()) / (known.sum() - 2)
    sd = math.sqrt(variance * float(np.linalg.inv(design.T @ design)[0, 0]))
    slope = float(solution[0])
    return Estimate(method="map", chi_ppm=slope, sd_ppm=math.hypot(sd, _MAP_PART * slope))


def combined(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """Mean weighted by inverse variance, and its standard deviation.

    >>> one, other = (Estimate(method=m, chi_ppm=c, sd_ppm=s) for m, c, s in
    ...               (("tube", 0.5, 0.01), ("map", 0.6, 0.03)))
    >>> chi, sd = combined([one, other])
    >>> round(chi, 3), round(sd, 5)
    (0.51, 0.00949)
    """
    weight = np.array([1 / each.sd_ppm**2 for each in estimates])
    chi = np.array([each.chi_ppm for each in estimates])
    return float((weight * chi).sum() / weight.sum()), float(1 / math.sqrt(weight.sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeBrain:
    """Median saturation of the good veins, weighted by length.

    ``spread`` is half the distance of the 16th and 84th percentile: veins differ.
    """

    saturation: float
    sd: float
    spread: float
    veins: int


def whole_brain(veins: Sequence[VeinOxygen], blood: Blood) -> WholeBrain | None:
    """The summary, None without a good vein."""
    good = [vein for vein in veins if vein.quality is VeinQuality.GOOD]
    if not good:
        return None
    values = np.array([blood.saturation_of(vein.chi_ppm) for vein in good])
    own = np.array([blood.saturation_sd(vein.chi_sd_ppm) for vein in good])
    weight = np.array([vein.length_mm for vein in good])
    low, middle, high = _quantiles(values, weight, (0.16, 0.5, 0.84))
    spread = (high - low) / 2
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    sd = 1.25 * math.hypot(spread, float(np.median(own))) / math.sqrt(effective)
    return WholeBrain(saturation=middle, sd=sd, spread=spread, veins=len(good))


def _quantiles(values: Real, weight: Real, at: Sequence[float]) -> list[float]:
    order = np.argsort(values)
    cumulative = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    return [float(np.interp(q, cumulative, values[order])) for q in at]
