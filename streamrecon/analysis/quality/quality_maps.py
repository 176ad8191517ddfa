"""What the quality of a scan is read from, and its measures by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.quality.quality_measures import (
    field_jumps,
    ghost_level,
    mask_differences,
    phase_misfit,
    signal_to_noise,
    streak_index,
    zero_spread,
)
from streamrecon.errors import ReconError
from streamrecon.maps.phase_sign_check import check_phase_sign
from streamrecon.maps.r2star import fit_log_line
from streamrecon.model.geometry import Geometry
from streamrecon.phase.image_noise import Noise, measure_noise
from streamrecon.phase.magnitude import signal_mask
from streamrecon.qsm.mask import FoundMask, find_mask
from streamrecon.qsm.outline.direction import OutlineDirection, outline_direction
from streamrecon.qsm.outline.field import check_outline
from streamrecon.recon.images.downsample import downsampled

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_COARSE_MM = 2.0
_DIRECTION_KNOWN = 0.4  # correlation of the best direction, below which none is known
_REACH_MM = 40.0  # of what was compared for it
_LARGE_MM3 = 3e5  # of a slab of brain; less is a crop
_PPB = 1e3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QualityMaps:
    """Maps of one scan; those that are not there leave their measures out.

    Parameters
    ----------
    chi_ppm, mask
        Susceptibility [Z, Y, X, ppm], and where it is known.
    geometry
        Their grid, with the direction of B0 that they were made with.
    echoes
        Complex images [E, Z, Y, X], magnitudes where there is no phase.
    has_phase
        Whether their phase means something.
    te_s, b0_t
        Echo times [s], field [T].
    field_hz
        Total field [Z, Y, X, Hz].
    noise
        Deviation of the real part of the echoes, where it is known.
    readout_polarity
        +1 or -1 per echo where readouts alternate.
    worked_s
        Seconds that each gadget of the chain had worked.
    """

    chi_ppm: Real
    mask: Flags
    geometry: Geometry
    echoes: Complex
    has_phase: bool
    te_s: tuple[float, ...]
    b0_t: float
    field_hz: Real | None = None
    noise: Noise | None = None
    readout_polarity: tuple[int, ...] = ()
    worked_s: Mapping[str, float] = field(default_factory=dict)


def measures_of(maps: QualityMaps) -> dict[str, float]:
    """Every measure that can be taken, by its name in `LIMITS`; NaN for one that cannot.

    About 20 FFTs of a grid of 3 mm, two of the scan's, and the search for the brain on 2 mm.

    Raises
    ------
    ReconError
        If the mask is empty or there is no signal.
    """
    if not maps.mask.any():
        raise ReconError("quality: the mask is empty")
    head = signal_mask(np.abs(maps.echoes[0]))
    noise = _noise(maps, head)
    expected, small_mask, grid = _expected(maps)
    lost, beyond = mask_differences(small_mask, expected.mask)
    outline = _outline(maps) if expected.is_brain else None
    return {
        "snr": math.nan
        if noise is None
        else signal_to_noise(np.abs(maps.echoes[0]), noise, maps.mask),
        "phase_misfit": _misfit(maps, noise),
        "ghosts": _or_nan(ghost_level(np.abs(maps.echoes[0]), head)),
        "mask_lost": lost,
        "mask_beyond": beyond,
        "zero_spread": _PPB * _spread(maps),
        "streaks": _or_nan(streak_index(maps.chi_ppm, maps.mask, maps.geometry)),
        "jumps": _jumps(maps),
        "filtered": math.nan if outline is None else outline.scale,
        "outline": math.nan if outline is None else _contradiction(outline),
        "sign": _sign(maps, expected, (small_mask, grid), noise),
    }


def _or_nan(number: float | None) -> float:
    return math.nan if number is None else number


def _spread(maps: QualityMaps) -> float:
    """NaN in a small volume, whose octants are different tissues."""
    if maps.mask.sum() * math.prod(maps.geometry.voxel_mm) < _LARGE_MM3:
        return math.nan
    return _or_nan(zero_spread(maps.chi_ppm, maps.mask))


def _noise(maps: QualityMaps, head: Flags) -> Noise | None:
    if maps.noise is not None:
        return maps.noise
    if not maps.has_phase:  # magnitudes follow another distribution within the object
        return None
    try:
        return measure_noise(maps.echoes, head).sd
    except ReconError:
        return None


def _misfit(maps: QualityMaps, noise: Noise | None) -> float:
    if noise is None or maps.field_hz is None or not maps.has_phase:
        return math.nan
    return _or_nan(phase_misfit(maps.echoes, maps.te_s, maps.field_hz, noise, maps.mask))


def _expected(maps: QualityMaps) -> tuple[FoundMask, Flags, Geometry]:
    """The brain or object that one would look for, the scan's own mask, and their coarse grid."""
    small, grid = downsampled(maps.echoes, maps.geometry, _COARSE_MM)
    together = np.sqrt(np.sum(np.abs(small) ** 2, axis=0))
    mask = _small(maps.mask.astype(np.float32), maps.geometry) > 0.5
    even = np.ones_like(together)  # the phase's quality is known within the scan's own mask alone
    return find_mask(together, even, grid), mask, grid


def _small(values: NDArray[np.floating], geometry: Geometry) -> Real:
    small, _ = downsampled(values[None].astype(np.complex64), geometry, _COARSE_MM)
    return np.asarray(small[0].real, np.float32)


def _outline(maps: QualityMaps) -> OutlineDirection | None:
    """What the outline says; nothing where the air was erased: then it is no outline of a body."""
    outside = ~signal_mask(np.abs(maps.echoes[0]))
    if not maps.has_phase or not np.median(np.abs(maps.echoes[0])[outside]) > 0:
        return None
    return outline_direction(
        maps.echoes, maps.te_s, maps.b0_t, maps.geometry, readout_polarity=maps.readout_polarity
    )


def _contradiction(outline: OutlineDirection) -> float:
    """How much better another direction agrees, 0 … 2; NaN where none agrees, and in slabs."""
    agreement = max(outline.of_best, -outline.of_stated)
    if agreement < _DIRECTION_KNOWN or outline.depth_mm < _REACH_MM:
        return math.nan
    return 1 - outline.of_stated / outline.of_best


def _jumps(maps: QualityMaps) -> float:
    if maps.field_hz is None:
        return math.nan
    times = maps.te_s
    spacing_s = min(np.diff(times)) if len(times) > 1 else times[0]
    return field_jumps(maps.field_hz, maps.mask, float(spacing_s))


def _sign(
    maps: QualityMaps, expected: FoundMask, small: tuple[Flags, Geometry], noise: Noise | None
) -> float:
    """Mean of the votes of outline and of iron and veins; NaN where neither is decided."""
    mask, grid = small
    votes = []
    if maps.has_phase:
        found = check_outline(
            maps.echoes, maps.te_s, maps.b0_t, maps.geometry, readout_polarity=maps.readout_polarity
        )
        votes.append(found.sign)
    if mask.any():
        chi_ppm = _small(maps.chi_ppm, maps.geometry)
        rate = _decay(maps, noise, mask)
        patient = check_phase_sign(
            chi_ppm, mask, grid, is_brain=expected.is_brain, r2_star_per_s=rate
        )
        votes.append(patient.vote)
    decided = [vote for vote in votes if vote]
    return float(np.mean(decided)) if decided else math.nan


def _decay(maps: QualityMaps, noise: Noise | None, mask: Flags) -> Real | None:
    if len(maps.te_s) < 2 or noise is None:
        return None
    small, _ = downsampled(maps.echoes, maps.geometry, _COARSE_MM)
    return fit_log_line(np.abs(small), maps.te_s, mask, noise=float(np.median(noise)))
