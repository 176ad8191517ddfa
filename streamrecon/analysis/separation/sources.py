r"""Iron and myelin in one voxel: what pulls χ both ways, and what R2' counts of both.

.. math:: R_2' = D_+\chi_+ + D_-|\chi_-|, \qquad \chi = \chi_+ - |\chi_-|

The two D say how much irreversible-looking decay a source of either sign makes. 137 1/s per ppm at
3 T was measured (Shin 2021), 114 and 30 for the two signs elsewhere; the theory of static dephasing
has 323. So they are parameters, grow with B0, and χ± are no better known than they are. The model
has neither diffusion, nor fibres, nor what a macroscopic gradient leaves in R2*.

References
----------
Shin et al. (2021) NeuroImage 240:118371. doi:10.1016/j.neuroimage.2021.118371
Yablonskiy and Haacke (1994) Magn Reson Med 32:749. doi:10.1002/mrm.1910320610
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError, ReconError
from streamrecon.units import hz_per_ppm

Real = NDArray[np.float32]
Floating = NDArray[np.floating]
Flags = NDArray[np.bool_]

DOIS = ("10.1016/j.neuroimage.2021.118371", "10.1002/mrm.1910320610")

PSEUDO_R2_PER_S = 13.0
"""R2 of the brain at 3 T where no map of it is given [1/s]: a number for all tissue."""

RELAXIVITY_3T = 137.0
"""Of sources of either sign at 3 T [1/s per ppm]; published are 30 to 323."""

_MEASURED_AT_T = 3.0
_STATIC = 2 * math.pi / (9 * math.sqrt(3)) * 2 * math.pi  # of γ B0 / 2π
_TOO_LITTLE_PER_S = 1.0  # of decay, by χ and by R2' together, to compare the two


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxivity:
    """Decay that sources of either sign make [1/s per ppm] at the scan's B0."""

    positive: float
    negative: float

    def __post_init__(self) -> None:
        if not (self.positive > 0 and self.negative > 0):
            raise ConfigError(
                f"relaxivity: found {self.positive:g} and {self.negative:g}, needed above 0"
            )

    @classmethod
    def at(
        cls, b0_t: float, *, positive_3t: float = RELAXIVITY_3T, negative_3t: float = RELAXIVITY_3T
    ) -> Relaxivity:
        """Those given for 3 T, at another field: in proportion.

        >>> Relaxivity.at(7.0, positive_3t=137.0).positive
        319.6666666666667
        """
        scale = b0_t / _MEASURED_AT_T
        return cls(positive=positive_3t * scale, negative=negative_3t * scale)

    @classmethod
    def static_dephasing(cls, b0_t: float) -> Relaxivity:
        """That of randomly placed spheres without diffusion: 2.4 times what is measured.

        >>> round(Relaxivity.static_dephasing(3.0).positive, 1)
        323.5
        """
        theory = _STATIC * hz_per_ppm(b0_t)
        return cls(positive=theory, negative=theory)


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """χ of the sources of either sign, both 0 or above [Z, Y, X, ppm]; their difference is χ."""

    positive_ppm: Real
    negative_ppm: Real

    @property
    def chi_ppm(self) -> Real:
        """χ of both."""
        return self.positive_ppm - self.negative_ppm


class Quadrant(IntEnum):
    """Where a voxel lies by χ and by R2, against the middle of the brain; 0 is outside of it."""

    MACROSCOPIC = 1  # χ high, R2 low
    DISPERSED = 2  # χ low, R2 high
    BOTH_HIGH = 3
    BOTH_LOW = 4


def r2_prime(r2_star_per_s: Floating, r2_per_s: Floating | float) -> Real:
    """R2' = R2* − R2, 0 where noise would have it negative [Z, Y, X, 1/s].

    That cut raises the mean of tissue with little R2'.
    """
    return np.asarray(np.maximum(r2_star_per_s - r2_per_s, 0), np.float32)


def separate(
    chi_ppm: Floating, r2_prime_per_s: Floating, mask: Flags, relaxivity: Relaxivity
) -> Sources:
    r"""Sources of both signs, each voxel for itself.

    .. math:: \chi_+ = \frac{R_2' + D_-\chi}{D_+ + D_-}, \quad
              |\chi_-| = \frac{R_2' - D_+\chi}{D_+ + D_-}

    Where R2' is too small for χ (veins, noise) χ is of one sign alone: its sum stays. A zero of χ
    that is off by δ moves both by δ/2, the wrong way for one: the map must stand against fluid, or
    something else without sources.

    Parameters
    ----------
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    r2_prime_per_s
        [Z, Y, X, 1/s].
    mask
        0 outside on return.
    relaxivity
        At this field.
    """
    whole = relaxivity.positive + relaxivity.negative
    positive = (r2_prime_per_s + relaxivity.negative * chi_ppm) / whole
    negative = (r2_prime_per_s - relaxivity.positive * chi_ppm) / whole
    alone = np.minimum(np.minimum(positive, negative), 0)  # what one of them lacks to 0
    return Sources(
        np.where(mask, positive - alone, 0).astype(np.float32),
        np.where(mask, negative - alone, 0).astype(np.float32),
    )


def separation_sd(
    chi_sd_ppm: Floating | float, r2_prime_sd_per_s: Floating | float, relaxivity: Relaxivity
) -> tuple[Floating, Floating]:
    r"""Standard deviations of χ₊ and χ₋ by noise, of `separate`, where both are above 0 [ppm].

    >>> sd, _ = separation_sd(0.005, 2.0, Relaxivity.at(3.0))
    >>> print(f"{1e3 * sd:.1f}")
    7.7
    """
    whole = relaxivity.positive + relaxivity.negative
    return (
        np.hypot(r2_prime_sd_per_s, np.multiply(relaxivity.negative, chi_sd_ppm)) / whole,
        np.hypot(r2_prime_sd_per_s, np.multiply(relaxivity.positive, chi_sd_ppm)) / whole,
    )


def coherence_index(
    chi_ppm: Floating, r2_prime_per_s: Floating, mask: Flags, relaxivity: Relaxivity
) -> Real:
    r"""Whether χ explains the decay: −1 … 1 [Z, Y, X].

    .. math:: C = \frac{R_2' - D|\chi|}{R_2' + D|\chi|}

    Near −1 what is seen shifts the whole voxel and dephases little of it: a vein, bulk. Near 0
    dispersed sources of one sign: ferritin. Near 1 sources of both signs, or too small and too
    near to the spins' paths for χ to show. 0 too where there is less than 1 1/s to compare.
    """
    of_chi = np.where(chi_ppm > 0, relaxivity.positive * chi_ppm, -relaxivity.negative * chi_ppm)
    whole = r2_prime_per_s + of_chi
    index = (r2_prime_per_s - of_chi) / np.maximum(whole, _TOO_LITTLE_PER_S)
    return np.where(mask & (whole >= _TOO_LITTLE_PER_S), index, 0).astype(np.float32)


def quadrants(chi_ppm: Floating, r2_per_s: Floating, mask: Flags) -> NDArray[np.uint8]:
    """`Quadrant` of each voxel by χ and R2 within the mask [Z, Y, X].

    High is above the median, a z-score above 0. R2 is that of spin echoes: R2* has χ in it.

    Raises
    ------
    ReconError
        If either map has no spread: one number for R2 makes no map.
    """
    chi, rate = (_above_median(values, mask) for values in (chi_ppm, r2_per_s))
    of = np.where(
        chi > 0,
        np.where(rate > 0, Quadrant.BOTH_HIGH, Quadrant.MACROSCOPIC),
        np.where(rate > 0, Quadrant.DISPERSED, Quadrant.BOTH_LOW),
    )
    return np.where(mask, of, 0).astype(np.uint8)


def _above_median(values: Floating, mask: Flags) -> Floating:
    inside = values[mask]
    if not inside.size or float(np.ptp(inside)) <= 0:
        raise ReconError("quadrants: a map has no spread inside the mask, needed one of its own")
    return np.asarray(values - np.median(inside))
