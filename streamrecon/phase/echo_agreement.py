"""Whether the images of all echoes have one scale, and their phase one sign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from streamrecon.errors import DataError
from streamrecon.phase.phase_scaling import PhaseScale

_MOST_VOXELS = 150_000
_NEAR = 0.9  # of the range, from a voxel to the next: a wrap
_WRAPS = 1e-3  # of neighbours in air; in what does not wrap hardly one
_GROWN = 1.15  # of the median magnitude from an echo to the next: no decay, nor fat against water
_SAMPLES = 50_000
_WRITTEN = 0.01  # of the voxels
_FILLED = 0.9  # of a turn: steep phase without noise may step over its ends
_FEWEST_ECHOES = 3
_LAG, _AROUND = 3, 3  # voxels: between two that are compared, and averaged around them
_BRIGHT = 0.5  # of what nine tenths of the magnitudes stay below
_LARGEST_RAD = 1.5  # of a difference, so that it has not wrapped
_FEWEST_PAIRS = 2000
_SURE = 0.5  # misfit with echoes altered, of that as they are: unaltered 0.9 and more
_LIKELY = 0.75
_BACKWARDS = 1.5  # of the mean time: an offset that undoes so much of the field is an order turned
_ALONG = 0.9  # correlation of that offset with the field


def check_echoes(
    magnitude: NDArray[np.generic],
    phase: NDArray[np.generic],
    scale: PhaseScale,
    te_s: Sequence[float],
) -> tuple[str, ...]:
    """Refuse what are no echoes of one scan in the order of their times, in radians; give doubts.

    Parameters
    ----------
    magnitude, phase
        As they were stored [E, Z, Y, X]; of large volumes some planes are looked at.
    scale
        What the numbers of ``phase`` mean.
    te_s
        Echo times [s].

    Returns
    -------
    tuple of str
        What may be wrong, each a sentence.

    Raises
    ------
    DataError
        Naming the echo.
    """
    every = max(1, -(-phase[0].size // _MOST_VOXELS))
    numbers, size = np.asarray(phase[:, ::every], np.float32), magnitude[:, ::every]
    for one, other in combinations(range(len(numbers)), 2):
        if np.array_equal(numbers[one], numbers[other]):
            raise DataError(f"phase: found the same numbers in echoes {one + 1} and {other + 1}")
    phase_rad = (numbers - np.float32(scale.zero)) * np.float32(scale.rad_per_step)
    for echo, turn in enumerate(phase_rad):
        ends = wraps_at(np.where(size[echo] > 0, turn, np.nan))
        if ends is not None:
            raise DataError(
                f"phase: found echo {echo + 1} to wrap at {ends[0]:.4g} and {ends[1]:.4g} rad as "
                "its numbers are read, needed ends that are 2π apart"
            )
    fault, is_sure = echoes_off_line(size, phase_rad, te_s)
    if is_sure:
        raise DataError(f"phase: found {fault}, needed phases that are lines in TE between voxels")
    likely = (f"phase: between voxels it is more of a line in TE with {fault}",) if fault else ()
    return (*likely, *(f"magnitude: {text}" for text in growing_echoes(magnitude)))


def growing_echoes(magnitude: NDArray[np.generic]) -> Iterator[str]:
    """Say which echoes are brighter than the one before, as none is in the order of their times.

    Parameters
    ----------
    magnitude
        [E, Z, Y, X], any unit.
    """
    flat = magnitude.reshape(len(magnitude), -1)
    sample = np.asarray(flat[:, :: max(1, flat.shape[1] // _SAMPLES)], np.float64)
    bright = sample[0] > np.mean(sample[0])
    for number, (before, after) in enumerate(pairwise(sample), start=2):
        level = float(np.median(before[bright])) if bright.any() else 0.0
        ratio = float(np.median(after[bright])) / level if level > 0 else 0.0
        if ratio > _GROWN:
            yield (
                f"found echo {number} {ratio:.2g} times as bright as the one before; are they "
                "in the order of their times, in one scale?"
            )


def wraps_at(phase_rad: NDArray[np.floating]) -> tuple[float, float] | None:
    """Ends at which one echo's phase wraps, where these are no turn apart; ``None`` otherwise.

    Where air is in the image its phase is anywhere, and so from a voxel to the next it is often at
    the other end. Phase without air that is in another scale is not found.

    Parameters
    ----------
    phase_rad
        [Z, Y, X], taken for rad; what is not finite is left out, and one number that many voxels
        have: scanners write it where there is no signal.
    """
    numbers, counts = np.unique(phase_rad[np.isfinite(phase_rad)], return_counts=True)
    if counts.size and counts.max() > _WRITTEN * counts.sum():
        phase_rad = np.where(phase_rad == numbers[counts.argmax()], np.nan, phase_rad)
    known = phase_rad[np.isfinite(phase_rad)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if not 0 < high - low < _FILLED * 2 * np.pi:
        return None
    steps = [np.abs(np.diff(phase_rad, axis=axis)) > _NEAR * (high - low) for axis in (1, 2)]
    wraps = sum(int(step.sum()) for step in steps) / max(1, sum(step.size for step in steps))
    return (low, high) if wraps > _WRAPS else None


def echoes_off_line(
    magnitude: NDArray[np.generic], phase_rad: NDArray[np.floating], te_s: Sequence[float]
) -> tuple[str, bool]:
    """Which echo has the other sign than the others, or another's time, in words; and if surely.

    Between voxels of tissue the phase differs by a line in TE. Where the differences fit that line
    much better with one echo turned, that echo is turned, and with two exchanged they are. Where
    they fit it, but only with an offset at TE = 0 that undoes the field of more than all echoes,
    the order is turned. A first echo with little phase is not found, nor is one of two echoes.

    Parameters
    ----------
    magnitude, phase_rad
        [E, Z, Y, X], any unit, and [rad].
    te_s
        Echo times [s].
    """
    found = fit_to_line(magnitude, phase_rad, te_s)
    if not found.misfits:
        return "", False
    best = min(found.misfits, key=found.misfits.__getitem__)
    if found.misfits[best] < _LIKELY:
        return best, found.misfits[best] < _SURE
    if found.undone > _BACKWARDS and found.along > _ALONG:
        return "echoes in the reverse of the order of their times", True
    return "", False


@dataclass(frozen=True, slots=True)
class FitToLine:
    """How phase between voxels fits a line in TE.

    Parameters
    ----------
    misfits
        By each alteration in words, the misfit with it over that of the echoes as they are; none
        where there are too few echoes or voxels.
    undone
        How much of the field at the mean echo time the offset at TE = 0 undoes.
    along
        Correlation of the offset with what undoes the field.
    """

    misfits: Mapping[str, float] = field(default_factory=dict)
    undone: float = 0.0
    along: float = 0.0


def fit_to_line(
    magnitude: NDArray[np.generic], phase_rad: NDArray[np.floating], te_s: Sequence[float]
) -> FitToLine:
    """What `echoes_off_line` decides by, of the same arrays."""
    between = _differences(magnitude, phase_rad)
    between = between[:, (np.abs(between) < _LARGEST_RAD).all(axis=0)]
    if len(te_s) < _FEWEST_ECHOES or between.shape[1] < _FEWEST_PAIRS:
        return FitToLine()
    line = np.stack([np.ones(len(te_s)), np.asarray(te_s)], axis=1)
    to_line = np.linalg.pinv(line)
    off_line = np.eye(len(te_s)) - line @ to_line
    misfit = off_line @ between
    offset, slope = to_line @ between
    as_they_are = _size(misfit)
    if as_they_are == 0 or not offset.any() or not slope.any():
        return FitToLine()
    altered = {
        f"echo {k + 1} with the other sign than the others": np.outer(
            off_line[:, k], -2 * between[k]
        )
        for k in range(len(te_s))
    } | {
        f"echoes {one + 1} and {other + 1} in each other's place": np.outer(
            off_line[:, one] - off_line[:, other], between[other] - between[one]
        )
        for one, other in combinations(range(len(te_s)), 2)
    }
    undone_s = -float(offset @ slope)
    return FitToLine(
        {words: _size(misfit + change) / as_they_are for words, change in altered.items()},
        undone_s / float(slope @ slope) / float(np.mean(te_s)),
        undone_s / float(np.linalg.norm(offset) * np.linalg.norm(slope)),
    )


def _size(misfit: NDArray[np.float64]) -> float:
    return float(np.median(np.linalg.norm(misfit, axis=0)))


def _differences(
    magnitude: NDArray[np.generic], phase_rad: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Phase between bright voxels of one row or column [E, pairs, rad], its mean taken off."""
    size = np.asarray(magnitude, np.float32)
    known = np.isfinite(size).all(axis=0) & np.isfinite(phase_rad).all(axis=0)
    size, turn = np.where(known, size, 0), np.where(known, phase_rad, 0)
    lowest = size.min(axis=0)
    if not (lowest > 0).any():
        return np.empty((len(turn), 0))
    bright = lowest > _BRIGHT * np.quantile(lowest[lowest > 0], 0.9)
    echoes = size / size.max() * np.exp(1j * turn)
    return np.concatenate([_along(echoes, bright, axis) for axis in (1, 2)], axis=1)


def _along(
    echoes: NDArray[np.complexfloating], bright: NDArray[np.bool_], axis: int
) -> NDArray[np.float64]:
    here, there = np.arange(bright.shape[axis] - _LAG), np.arange(_LAG, bright.shape[axis])
    pairs = bright.take(here, axis) & bright.take(there, axis)
    found = []
    for echo in echoes:
        product = echo.take(there, axis) * echo.take(here, axis).conj() * pairs
        re, im = (
            uniform_filter(part, (0, _AROUND, _AROUND)) for part in (product.real, product.imag)
        )
        angle = np.angle(re + 1j * im)[pairs]
        mean = np.angle(np.exp(1j * angle).sum())
        found.append(np.angle(np.exp(1j * (angle - mean))))
    return np.asarray(found, np.float64)
