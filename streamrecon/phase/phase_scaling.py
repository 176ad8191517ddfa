"""Scales phase images of any vendor to radians, and builds complex echoes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError

_TURN = 2 * math.pi
_REACH = 0.04  # of the range: phase with noise or a wrap in it comes that close to both ends
_TURNS = ((-1.0, 1.0), (-0.5, 0.5), (0.0, 1.0))
_TURNS_REACH = 0.01  # of the range: phase in turns fills it, radians end there by chance only
_LEAST_RAD = 1.0  # a smaller range is no phase in radians


@dataclass(frozen=True, slots=True)
class PhaseScale:
    """How stored numbers stand for radians: φ = (number - zero) · rad_per_step.

    ``str`` says it in words; ``is_assumed``: the range is nobody's habit.
    """

    rad_per_step: float
    zero: float
    name: str
    is_assumed: bool = False

    def __str__(self) -> str:
        return self.name

    @classmethod
    def between(cls, low: float, high: float) -> PhaseScale:
        """Numbers of which ``low`` stands for -π and ``high`` for +π.

        >>> PhaseScale.between(-2.0, 2.0).rad_per_step == math.pi / 2
        True

        Raises
        ------
        DataError
            If they are not in this order.
        """
        if not low < high:
            raise DataError(f"phase: found ends {low:g} and {high:g}, needed the lower one first")
        name = f"{low:g} … {high:g} for -π … π"
        return cls(_TURN / (high - low), (low + high) / 2, name)


@dataclass(frozen=True, slots=True)
class _Habit:
    """Numbers that somebody writes for phase."""

    low: float
    high: float
    scale: PhaseScale

    def fits(self, low: float, high: float) -> bool:
        near = _REACH * (self.high - self.low)
        return abs(low - self.low) <= near and abs(high - self.high) <= near


RADIANS = PhaseScale(1.0, 0.0, "radians")
"""Phase as it is, wrapped."""
_HABITS = (
    _Habit(-math.pi, math.pi, RADIANS),
    _Habit(0.0, _TURN, PhaseScale(1.0, 0.0, "radians from 0 to 2π")),
    _Habit(-3142, 3142, PhaseScale(1e-3, 0.0, "milliradians")),
    _Habit(-180, 180, PhaseScale(math.pi / 180, 0.0, "degrees")),
    _Habit(0, 4095, PhaseScale(_TURN / 4096, 2048.0, "12 bits from 0, zero at 2048")),
    _Habit(-4096, 4094, PhaseScale(_TURN / 8192, 0.0, "steps of π/4096, as Siemens writes them")),
    _Habit(-2048, 2047, PhaseScale(_TURN / 4096, 0.0, "12 bits with sign")),
)


def recognise_phase(low: float, high: float, *, unit: str = "") -> PhaseScale:
    """Scale of phase images of which ``low`` and ``high`` are the extremes over all echoes.

    Whoever writes phase fills a range that gives its scale away, once noise or one wrap is in the
    image. Nothing is stretched to fit: a range that is nobody's habit is refused, since a phase
    scaled by its extremes is wrong by as much as these are chance.

    Parameters
    ----------
    low, high
        Smallest and largest number, with the file's own scale applied.
    unit
        Unit that the image itself names; "rad" is believed.

    Raises
    ------
    DataError
        If the range is nobody's habit.

    Examples
    --------
    >>> print(recognise_phase(-4096, 4094))
    steps of π/4096, as Siemens writes them
    """
    if unit in {"rad", "radian", "radians"}:
        return RADIANS
    for habit in _HABITS:
        if habit.fits(low, high):
            return habit.scale
    for one, other in _TURNS:
        if max(abs(low - one), abs(high - other)) <= _TURNS_REACH * (other - one):
            raise DataError(
                f"phase: found numbers of {low:.6g} … {high:.6g}, which may be turns, halves of "
                "turns or radians that do not reach ±π; say which numbers are ±π by --phase-ends"
            )
    if high - low >= _LEAST_RAD and max(-low, high) <= math.pi * 1.001:
        return PhaseScale(1.0, 0.0, "radians that do not reach ±π", is_assumed=True)
    known = ", ".join(f"{habit.low:.4g} … {habit.high:.4g}" for habit in _HABITS)
    raise DataError(
        f"phase: found numbers of {low:.6g} … {high:.6g}, needed one of the ranges {known}"
    )


def finite_range(
    magnitude: NDArray[np.generic], phase: NDArray[np.generic]
) -> tuple[float, float, str]:
    """Smallest and largest number of the phase where both are finite, and a word on the gaps.

    Raises
    ------
    DataError
        If nothing is finite.

    Examples
    --------
    >>> finite_range(np.array([1.0, np.inf, 2.0]), np.array([-1.0, 9.0, 2.0]))
    (-1.0, 2.0, '1 of 3 voxels are no numbers in magnitude or phase, and were set to 0')
    """
    finite = np.isfinite(np.asarray(magnitude, np.float32)) & np.isfinite(
        np.asarray(phase, np.float32)
    )
    if not finite.any():
        raise DataError("images: found no voxel whose magnitude and phase are numbers")
    low, high = float(phase[finite].min()), float(phase[finite].max())
    gaps = int(finite.size - np.count_nonzero(finite))
    text = f"{gaps} of {finite.size} voxels are no numbers in magnitude or phase, and were set to 0"
    return low, high, text if gaps else ""


def complex_echoes(
    magnitude: NDArray[np.generic],
    phase: NDArray[np.generic],
    scale: PhaseScale,
    *,
    sign: int,
) -> NDArray[np.complex64]:
    """Complex images m·exp(iφ) of magnitude and stored phase, of any equal shape.

    Voxels in which either is not finite are 0, and so are left out by all that follows.

    Parameters
    ----------
    magnitude, phase
        As they were stored.
    scale
        What the numbers of ``phase`` mean.
    sign
        +1 where the stored phase grows with the field, -1 where it falls.
    """
    turn = np.float32(sign * scale.rad_per_step)
    echoes = np.empty(phase.shape, np.complex64)
    for echo, (m, p) in enumerate(zip(magnitude, phase, strict=True)):
        angle = (np.asarray(p, np.float32) - np.float32(scale.zero)) * turn
        image = np.asarray(m, np.float32) * np.exp(1j * angle)
        echoes[echo] = np.where(np.isfinite(image), image, 0)
    return echoes
