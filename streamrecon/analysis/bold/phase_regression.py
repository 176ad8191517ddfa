r"""Takes off a BOLD series what its phase foretells: the response of large veins.

A vein that fills a part of a voxel changes its phase with its oxygen, capillaries in all directions
do not. Both series have noise, so the slope is Deming's, with :math:`\lambda` the ratio of the
noise variances of magnitude and phase,

.. math:: A = \frac{s_{mm} - \lambda s_{\phi\phi} + \sqrt{(s_{mm} - \lambda s_{\phi\phi})^2
          + 4 \lambda s_{m\phi}^2}}{2 s_{m\phi}}, \qquad m' = m - A (\phi - \bar\phi) .

A voxel with a response of vein and of tissue loses both: the two have one course in time, and no
regression on phase can tell them apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError

Series = NDArray[np.float64]
Vector = NDArray[np.float64]

LEAST_CORRELATION = 0.2
"""Below it a voxel is left as it is: its slope would be one of noise."""

_NOISE_FROM_HZ = 0.15  # responses of blood are slower
_NOISE_PART = 0.3  # at least so much of the spectrum, where the series is slow
_DRIFT = 3  # degree of the polynomial
_FEWEST = 20


@dataclass(frozen=True, slots=True, eq=False)
class PhaseRegression:
    """A series without what its phase foretells.

    Parameters
    ----------
    corrected
        [T, V], with mean and drift as before.
    slope
        Of magnitude on phase [V], 0 where it is left as it is.
    correlation
        Of both after their drifts [V].
    """

    corrected: Series
    slope: Vector
    correlation: Vector

    @property
    def vein_part(self) -> Vector:
        """Part of the variance that goes with the phase [V]; 0 where it is left as it is."""
        return np.where(self.slope != 0, self.correlation**2, 0.0)


def regress_phase(
    magnitude: NDArray[np.floating], phase_rad: NDArray[np.floating], tr_s: float
) -> PhaseRegression:
    """Regress the magnitude on the phase, voxel by voxel.

    Parameters
    ----------
    magnitude
        [T, V].
    phase_rad
        [T, V], wrapped or not; a voxel must not turn by π between volumes.
    tr_s
        Time between volumes.

    Raises
    ------
    DataError
        If the two are of different sizes, or of fewer than 20 volumes.

    References
    ----------
    Menon (2002) Magn Reson Med 47:1. doi:10.1002/mrm.10041
    Stanley et al. (2021) NeuroImage 227:117631. doi:10.1016/j.neuroimage.2020.117631
    """
    if magnitude.shape != phase_rad.shape or len(magnitude) < _FEWEST:
        raise DataError(
            f"phase regression: found {magnitude.shape} and {phase_rad.shape}, needed two series "
            f"of one size and at least {_FEWEST} volumes"
        )
    size = np.asarray(magnitude, np.float64)
    turned = np.unwrap(np.asarray(phase_rad, np.float64), axis=0)
    turned = without_drift(turned)
    turned -= np.median(turned, axis=1, keepdims=True)  # breathing and the scanner, all over
    m, phi = without_drift(size), turned - turned.mean(axis=0)
    waves = _quick_waves(len(m), tr_s)
    ratio = _noise(m, waves) / np.maximum(_noise(phi, waves), 1e-30)
    mm, pp, mp = (np.mean(a * b, axis=0) for a, b in ((m, m), (phi, phi), (m, phi)))
    correlation = mp / np.sqrt(np.maximum(mm * pp, 1e-60))
    kept = np.abs(correlation) >= LEAST_CORRELATION
    slope = np.where(kept, _deming(mm, pp, np.where(kept, mp, 1.0), ratio), 0.0)
    return PhaseRegression(size - slope * phi, slope, correlation)


def without_drift(series: Series) -> Series:
    """A series [T, V] without its mean and slow drift."""
    times = np.linspace(-1, 1, len(series))
    basis, _ = np.linalg.qr(np.polynomial.legendre.legvander(times, _DRIFT))
    return np.asarray(series - basis @ (basis.T @ series), np.float64)


def _deming(mm: Vector, pp: Vector, mp: Vector, ratio: Vector) -> Vector:
    apart = mm - ratio * pp
    return np.asarray((apart + np.sqrt(apart**2 + 4 * ratio * mp**2)) / (2 * mp), np.float64)


def _quick_waves(volumes: int, tr_s: float) -> Series:
    """Cosines [T, K] without a response of blood, orthonormal: all from 0.15 Hz on."""
    first = math.ceil(2 * _NOISE_FROM_HZ * volumes * tr_s)  # half waves in the series
    first = min(first, round((1 - _NOISE_PART) * volumes))
    times, waves = np.arange(volumes) + 0.5, np.arange(first, volumes)
    found = np.cos(np.pi / volumes * np.outer(times, waves))
    return np.asarray(found * math.sqrt(2 / volumes), np.float64)


def _noise(series: Series, waves: Series) -> Vector:
    """Variance of white noise [V]: mean power of these waves."""
    return np.asarray(np.mean((waves.T @ series) ** 2, axis=0), np.float64)
