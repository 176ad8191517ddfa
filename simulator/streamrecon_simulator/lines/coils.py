"""Receivers around the head: smooth complex sensitivities, correlated noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WAVELENGTH_MM = 900.0  # phase of the receive field along the way to the coil


@dataclass(frozen=True, slots=True)
class Helmet:
    """Where receivers are and how far they see.

    Parameters
    ----------
    ring_mm
        Radius of the two rings that hold the receivers' centres [mm].
    reach_mm
        Distance over which a sensitivity halves [mm]: the smaller both are, the brighter is the
        surface against the middle.
    """

    ring_mm: float = 140.0
    reach_mm: float = 90.0


USUAL_HELMET = Helmet()


def coil_centres(n_coils: int, helmet: Helmet = USUAL_HELMET) -> NDArray[np.float64]:
    """Positions (L, P, S) [n_coils, 3] in mm: two staggered rings."""
    number = np.arange(n_coils)
    angle = 2 * np.pi * number / n_coils + 0.3
    height = np.where(number % 2 == 0, 45.0, -35.0)
    return np.stack(
        [helmet.ring_mm * np.cos(angle), helmet.ring_mm * np.sin(angle), height], axis=1
    )


def sensitivity(
    n_coils: int, coil: int, points_mm: NDArray[np.float64], helmet: Helmet = USUAL_HELMET
) -> NDArray[np.complex64]:
    """Complex sensitivity of one coil at the points (L, P, S) [3, ...].

    ``c = g / (1 + d²/w²) · exp(i(φ + 2π d/λ))`` with the distance d to the coil and the helmet's
    reach w: smooth everywhere.
    g makes the root sum of squares 1 at the isocentre. A single coil is 1 everywhere. It is no
    solution of Maxwell's equations; nothing here depends on that.

    >>> sensitivity(1, 0, np.zeros((3, 2))).tolist()
    [(1+0j), (1+0j)]
    """
    if n_coils == 1:
        return np.ones(points_mm.shape[1:], dtype=np.complex64)
    centres = coil_centres(n_coils, helmet)
    middle = np.linalg.norm(_profile(np.square(centres).sum(axis=1), helmet.reach_mm))
    square = sum(
        np.square((points_mm[axis] - centres[coil, axis]).astype(np.float32)) for axis in range(3)
    )
    phase = 2.4 * coil + 2 * np.pi / _WAVELENGTH_MM * np.sqrt(square)
    return np.asarray(
        _profile(square, helmet.reach_mm) / middle * np.exp(1j * phase), dtype=np.complex64
    )


def _profile(square_mm2: NDArray[np.floating], reach_mm: float) -> NDArray[np.floating]:
    return np.asarray(1 / (1 + square_mm2 / reach_mm**2))


def noise_covariance(n_coils: int) -> NDArray[np.complex128]:
    """Covariance of the receivers' noise [C, C], mean of the diagonal 1, positive definite.

    Neighbours correlate with 0.3, the amplitudes of the channels differ by ±20 %: enough for a
    whitening left out to show. A covariance is that of real (or imaginary) parts: E[n nᴴ] / 2.
    """
    number = np.arange(n_coils)
    apart = number[:, None] - number[None, :]
    correlation = 0.3 ** np.abs(apart) * np.exp(0.5j * apart)
    scale = 1 + 0.2 * np.sin(1.7 * number)
    covariance = scale[:, None] * correlation * scale[None, :]
    return np.asarray(covariance / np.trace(covariance).real * n_coils)


def correlated_noise(
    random: np.random.Generator, shape: tuple[int, int, int], factor: NDArray[np.complex64]
) -> NDArray[np.complex64]:
    """Noise [N, C, X]; real parts covary between channels as ``factor @ factorᴴ``."""
    lines, channels, samples = shape
    white = random.standard_normal((lines, channels, 2 * samples), dtype=np.float32)
    return np.asarray(factor @ white.view(np.complex64))
