r"""Computes SWI masks: factors from 1 to 0 by phase or susceptibility.

Phase counts as everywhere here, φ = +2π·γ̄·ΔB·TE: blood in a vein along B0 turns it forwards. Across
the bore the field inside a vein changes its sign, so a factor from phase depends on where a vessel
goes; one from susceptibility does not.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError

Real = NDArray[np.float32]

_LARGEST = 0.999  # of the forward phase
_TARGETS = ((1.5, 0.040), (3.0, 0.020), (7.0, 0.0135))  # B0 [T], TE [s]


class Darkens(Enum):
    """What an image shows dark: veins, iron and blood, or calcium and myelin."""

    PARAMAGNETIC = "paramagnetic"
    DIAMAGNETIC = "diamagnetic"

    @property
    def sign(self) -> int:
        """+1 or -1: the sign of what is darkened."""
        return 1 if self is Darkens.PARAMAGNETIC else -1


def target_te_s(b0_t: float) -> float:
    """Echo time at which veins stand out best [s]: 40 ms at 1.5 T, 20 at 3 T, 13.5 at 7 T.

    In between and beyond along a power law of B0.

    >>> [round(1e3 * target_te_s(b0_t), 1) for b0_t in (1.5, 2.89, 7.0)]
    [40.0, 20.8, 13.5]

    Raises
    ------
    ReconError
        If the field is not positive.
    """
    if not b0_t > 0:
        raise ReconError(f"SWI: found B0 {b0_t} T, needed a positive field")
    field, time = np.log(np.array(_TARGETS)).T
    at = np.clip(np.searchsorted(field, np.log(b0_t)), 1, len(field) - 1)
    slope = (time[at] - time[at - 1]) / (field[at] - field[at - 1])
    return float(np.exp(time[at] + slope * (np.log(b0_t) - field[at])))


def phase_mask(
    phase_rad: NDArray[np.floating], *, power: int = 4, darkens: Darkens = Darkens.PARAMAGNETIC
) -> Real:
    r"""Factor from phase: 1 up to 0 rad, 0 from π rad on, any shape.

    .. math:: w = \bigl(1 - \min(\max(\pm\varphi / \pi, 0), 1)\bigr)^p

    >>> weight = phase_mask(np.array([-1, 0, np.pi / 4, np.pi / 2, np.pi]))
    >>> [round(float(w), 4) for w in weight]
    [1.0, 1.0, 0.3164, 0.0625, 0.0]

    References
    ----------
    Haacke et al. (2004) Magn Reson Med 52:612. doi:10.1002/mrm.20198
    """
    return _falling(phase_rad, darkens.sign * np.pi, power)


def chi_weight(
    chi_ppm: NDArray[np.floating],
    *,
    full_ppm: float = 0.45,
    power: int = 2,
    darkens: Darkens = Darkens.PARAMAGNETIC,
) -> Real:
    r"""Factor from susceptibility: 1 up to 0 ppm, 0 from ``full_ppm`` on, any shape.

    The same whichever way a vessel goes. 0.45 ppm is that of venous blood; calcium of -1 ppm and
    more is black in the diamagnetic image.

    References
    ----------
    Liu et al. (2014) Magn Reson Med 71:1100. doi:10.1002/mrm.24777
    """
    if not full_ppm > 0:
        raise ReconError(f"SWI: found a full effect at {full_ppm} ppm, needed a positive number")
    return _falling(chi_ppm, darkens.sign * full_ppm, power)


def positive_weight(
    phase: NDArray[np.floating],
    mask: NDArray[np.bool_],
    quiet: NDArray[np.floating] | float,
    *,
    power: float = 4.0,
    darkens: Darkens = Darkens.PARAMAGNETIC,
) -> Real:
    r"""Factor from phase in any unit: 1 up to ``quiet``, 0 at its largest, 1 outside the mask.

    .. math:: w = \bigl(1 - \min(\max(\pm\varphi - q, 0) / m, 1)\bigr)^p

    m leaves a thousandth of the voxels that turn forwards above it, as noise and edges do. Where
    nothing stands out the factor is 1.

    Parameters
    ----------
    phase
        What the factor hangs on, any shape and unit.
    mask
        Where it counts.
    quiet
        Phase that is nothing yet, q, of every voxel or one for all; noise, as a rule.
    power
        How black.
    darkens
        What is shown dark.

    References
    ----------
    Eckstein et al. (2021) NeuroImage 237:118175. doi:10.1016/j.neuroimage.2021.118175
    """
    turned = np.asarray(phase, np.float32) * np.float32(darkens.sign)
    beyond = np.maximum(turned - np.asarray(quiet, np.float32), 0)
    forwards = beyond[mask & (turned > 0)]
    largest = float(np.quantile(forwards, _LARGEST)) if forwards.size else 0.0
    if largest <= 0:
        return np.ones(turned.shape, np.float32)
    ramp = 1 - np.clip(beyond / np.float32(largest), 0, 1)
    return np.where(mask, ramp ** np.float32(power), np.float32(1)).astype(np.float32)


def _falling(values: NDArray[np.floating], end: float, power: int) -> Real:
    """1 at 0 and on its far side, 0 from ``end`` on; raised to ``power``."""
    if power < 1:
        raise ReconError(f"SWI: found power {power}, needed at least 1")
    ramp = np.asarray(values, np.float32) * np.float32(-1 / end)
    ramp += 1
    np.clip(ramp, 0, 1, out=ramp)
    weight = ramp.copy()
    for _ in range(power - 1):
        weight *= ramp
    return weight
