r"""Fits the decay of the echoes: R2* and signal at TE = 0, each with its uncertainty.

.. math:: m_n = \mu\bigl(S_0\, e^{-R_2^* TE_n} F_n\bigr)

with :math:`F_n` what the macroscopic field leaves of the signal (`maps.dephasing`) and
:math:`\mu` the mean of a magnitude in noise: late echoes on the noise floor then say that they are
small, and not that they stay.

=================== ============================== =================================
function            needs                          use it for
=================== ============================== =================================
`fit_arlo`          equidistant echoes, three      a map at once; the start of others
`fit_log_line`      two echoes                     any echo times; the start of others
`fit_decay`         two echoes                     the number, with its uncertainty
=================== ============================== =================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.maps._decay_kernels import arlo, log_line, refine
from streamrecon.maps.dephasing import Dephasing
from streamrecon.phase.image_noise import Noise, in_units_of

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_EQUAL = 1e-3  # spacings that differ by less than this fraction are equal
_FASTEST = 3.0  # largest R2* that is looked for: this over the first spacing
_MISFIT_OF_NOISE = 3.0  # per degree of freedom; of one noise exceeds it in 0.3 % of the voxels
_NO_EXTENT = np.zeros((3, 2))
_NO_SLOPES = np.zeros((0, 1), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """A fitted decay; all [Z, Y, X], 0 outside the mask.

    Parameters
    ----------
    r2_star_per_s
        Decay rate [1/s]; 0 where nothing is known. Noise may make it negative; cutting that off
        would bias means.
    s0
        Signal at TE = 0, in units of the magnitude.
    sd_per_s
        Standard deviation that noise gives the rate [1/s]; infinite where nothing is known.
    residual
        Misfit, in standard deviations of the noise per degree of freedom: about 1 where the decay
        is an exponential; 0 where there are only two echoes.
    trusted
        Voxels with a rate, whose field leaves signal in at least half of the echoes.
    """

    r2_star_per_s: Real
    s0: Real
    sd_per_s: Real
    residual: Real
    trusted: Flags

    @property
    def trusted_sd_per_s(self) -> Real:
        """The standard deviation where the rate is to be trusted, 0 elsewhere [Z, Y, X, 1/s]."""
        return np.where(self.trusted, self.sd_per_s, np.float32(0))

    @property
    def departs(self) -> Flags:
        """Where the echoes are no exponential: their misfit is no noise's [Z, Y, X].

        Fat, myelin water, flow, and a field that bends within the voxel; with a noise that is
        too small, everything.
        """
        return self.trusted & (self.residual > _MISFIT_OF_NOISE)

    def doubtful_fraction(self, mask: Flags) -> float:
        """How much of the mask has no rate to be trusted, 0 … 1."""
        return float(1 - self.trusted.sum() / max(1, int(mask.sum())))

    def departing_fraction(self, mask: Flags) -> float:
        """How much of the mask decays otherwise than as an exponential, 0 … 1."""
        return float((self.departs & mask).sum() / max(1, int(mask.sum())))

    def in_words(self, mask: Flags) -> str:
        """How much of the mask is not to be trusted, or no exponential."""
        lost, other = self.doubtful_fraction(mask), self.departing_fraction(mask)
        return f"{lost:.1%} of the head lost to gradients, {other:.1%} no exponential"


def fit_arlo(
    magnitude: NDArray[np.floating], te_s: Sequence[float], mask: Flags, *, noise: Noise
) -> Real:
    r"""R2* by auto-regression on linear operations [Z, Y, X, 1/s]; under one FFT.

    .. math:: R_2^* = \frac{\sum S_i D_i + \tfrac\Delta3 \sum D_i^2}
                           {\sum S_i^2 + \tfrac\Delta3 \sum S_i D_i}, \quad
              S_i = \tfrac\Delta3 (m_i + 4 m_{i+1} + m_{i+2}), \; D_i = m_i - m_{i+2}

    Nearly as precise as least squares. Blind to field gradients; at SNR below 10 it comes out a
    few per cent low.

    Parameters
    ----------
    magnitude
        [E, Z, Y, X], any unit.
    te_s
        Echo times, equidistant, at least three [s].
    mask
        Voxels wanted [Z, Y, X].
    noise
        Standard deviation of the real part of the echoes, in their unit, one or of every voxel
        [Z, Y, X]; 0 for none.

    Raises
    ------
    ReconError
        If there are fewer than three echoes, or their spacing is uneven.

    References
    ----------
    Pei et al. (2015) Magn Reson Med 73:843. doi:10.1002/mrm.25137
    """
    if not is_equidistant(te_s):
        raise ReconError(f"R2*: found TE {tuple(te_s)} s, ARLO needs three or more equidistant")
    signal, inside, sd = _flat(magnitude, te_s, mask, noise)
    rate = np.zeros(mask.size, np.float32)
    spacing = (te_s[-1] - te_s[0]) / (len(te_s) - 1)
    at_once(lambda v: arlo(signal, spacing, inside, sd, v.start, v.stop, rate), mask.size)
    return rate.reshape(mask.shape)


def fit_log_line(
    magnitude: NDArray[np.floating],
    te_s: Sequence[float],
    mask: Flags,
    *,
    noise: Noise,
    dephasing: Dephasing | None = None,
) -> Real:
    """R2* by a weighted line through the logarithms [Z, Y, X, 1/s]; about one FFT.

    Weights are the power above the noise floor. Fast decays come out low: 5 % at R2* 60 and SNR
    20. Parameters are those of `fit_decay`.

    Raises
    ------
    ReconError
        If there are fewer than two echoes.
    """
    signal, inside, sd = _flat(magnitude, te_s, mask, noise)
    rate = np.zeros(mask.size, np.float32)
    times = np.asarray(te_s, np.float64)
    slopes, extent = _of_voxel(dephasing)
    at_once(
        lambda v: log_line(
            signal, times, inside, sd, slopes, extent, v.start, v.stop, rate
        ),
        mask.size,
    )  # fmt: skip
    return rate.reshape(mask.shape)


def fit_decay(
    magnitude: NDArray[np.floating],
    te_s: Sequence[float],
    mask: Flags,
    *,
    noise: Noise,
    dephasing: Dephasing | None = None,
    steps: int = 4,
) -> Decay:
    """R2* by least squares, from ARLO where it applies, else from the logarithms.

    Every magnitude counts with the mean that noise gives it, so that late echoes need not be left
    out. Wrong where the decay is not exponential (fat, myelin water, flow) and where the field
    bends within a voxel; `Decay.residual` shows both. `benchmarks/bench_maps.py` prints the cost
    in FFTs; memory is three volumes beside the result.

    Parameters
    ----------
    magnitude
        [E, Z, Y, X], any unit.
    te_s
        Echo times [s]; at least two.
    mask
        Voxels wanted [Z, Y, X].
    noise
        Standard deviation of the real part of the echoes, in their unit, one or of every voxel
        [Z, Y, X]; 0 for none.
    dephasing
        What the field takes from the signal; ``None`` for nothing.
    steps
        Most Gauss-Newton steps.

    Raises
    ------
    ReconError
        If there are fewer than two echoes, or the magnitude is not finite in the mask.
    """
    if dephasing is None and is_equidistant(te_s):
        start = fit_arlo(magnitude, te_s, mask, noise=noise)
    else:  # the loop makes the line itself: it has the factors of the field
        start = np.where(mask, np.float32(np.nan), np.float32(0))
    signal, inside, sd = _flat(magnitude, te_s, mask, noise)
    times = np.asarray(te_s, np.float64)
    slopes, extent = _of_voxel(dephasing)
    rate = start.ravel()
    height, misfit, spread = np.zeros((3, mask.size), np.float32)
    used = np.zeros(mask.size, np.uint8)
    fastest = _FASTEST / (te_s[1] - te_s[0])
    at_once(
        lambda v: refine(
            signal, times, inside, sd, slopes, extent, steps, fastest, v.start, v.stop,
            rate, height, misfit, spread, used,
        ),
        mask.size,
    )  # fmt: skip
    found = _decay(rate, height, misfit, spread, used, noise=sd, mask=mask, echoes=len(te_s))
    if not isinstance(noise, int | float):
        found = replace(found, s0=found.s0 * noise)
    return _without_unreliable(found, fastest)


def t2_star_s(r2_star_per_s: Real, mask: Flags, *, longest_s: float = 0.5) -> Real:
    """T2* [Z, Y, X, s], at most ``longest_s``, where decays too slow to measure end; 0 outside.

    >>> t2_star_s(np.array([[[50, -1]]], np.float32), np.ones((1, 1, 2), bool))
    array([[[0.02, 0.5 ]]], dtype=float32)
    """
    time_s = 1 / np.maximum(r2_star_per_s, np.float32(1 / longest_s))
    return np.asarray(np.where(mask, time_s, 0), np.float32)


def is_equidistant(te_s: Sequence[float]) -> bool:
    """Whether there are three or more echoes at equal distances.

    >>> is_equidistant((0.005, 0.011, 0.017)), is_equidistant((0.004, 0.009, 0.015))
    (True, False)
    """
    spacing = np.diff(te_s)
    return len(te_s) > 2 and float(np.ptp(spacing)) < _EQUAL * float(spacing.mean())


def _flat(
    magnitude: NDArray[np.floating], te_s: Sequence[float], mask: Flags, noise: Noise
) -> tuple[Real, Flags, float]:
    """Echoes [E, V] and mask [V], and the noise in the unit of the echoes."""
    if len(te_s) < 2:
        raise ReconError(f"R2*: found {len(te_s)} echo, needed at least two")
    if magnitude.shape != (len(te_s), *mask.shape):
        raise ReconError(f"R2*: found echoes {magnitude.shape}, needed {(len(te_s), *mask.shape)}")
    size, sd = in_units_of(np.asarray(magnitude, np.float32), noise)
    signal = np.ascontiguousarray(size, np.float32).reshape(len(te_s), -1)
    inside = np.ascontiguousarray(mask).ravel()
    if not all(np.isfinite(echo[inside]).all() for echo in signal):
        raise ReconError("R2*: the magnitude is not finite inside the mask")
    return signal, inside, sd


def _of_voxel(dephasing: Dephasing | None) -> tuple[Real, NDArray[np.float64]]:
    if dephasing is None:
        return _NO_SLOPES, _NO_EXTENT
    return dephasing.slopes_hz_per_mm.reshape(3, -1), dephasing.extent()


def _decay(
    rate: Real,
    height: Real,
    misfit: Real,
    spread: Real,
    used: NDArray[np.uint8],
    *,
    noise: float,
    mask: Flags,
    echoes: int,
) -> Decay:
    known = mask.ravel() & (used >= 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = np.where(known, np.float32(noise) / np.sqrt(spread), np.float32(np.inf))
        freedom = np.maximum(used.astype(np.float32) - 2, 1)
        residual = np.sqrt(misfit / freedom) / np.float32(noise or 1)
    sd[~mask.ravel()] = 0
    shape = mask.shape
    return Decay(
        rate.reshape(shape),
        height.reshape(shape),
        np.nan_to_num(sd, nan=np.inf, posinf=np.inf).astype(np.float32).reshape(shape),
        np.where(known & (used > 2), residual, 0).astype(np.float32).reshape(shape),
        (known & (2 * used.astype(np.int64) >= echoes)).reshape(shape),
    )


def _without_unreliable(decay: Decay, fastest: float) -> Decay:
    """Nothing is known of a rate that noise alone moves by more than the largest looked for."""
    unreliable = decay.sd_per_s > fastest
    return Decay(
        np.where(unreliable, np.float32(0), decay.r2_star_per_s),
        decay.s0,
        np.where(unreliable, np.float32(np.inf), decay.sd_per_s),
        decay.residual,
        decay.trusted & ~unreliable,
    )
