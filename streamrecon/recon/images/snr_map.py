"""Signal in units of its noise, voxel by voxel, of images combined from whitened channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.recon.images.coil_combination import Weights
from streamrecon.recon.kspace.encoding_grid import Axis, Grid
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]
Double = NDArray[np.float64]
Flags = NDArray[np.bool_]


def snr_map(images: Complex, weights: Sequence[Weights], noise: Real) -> Real:
    r"""Magnitude over the standard deviation of its noise [E, Z, Y, X].

    .. math:: \mathrm{SNR} = |m| / (\sigma \lVert u \rVert)

    with the combining weights u, which hold the g-factor of an accelerated scan too. The noise is
    that of real and imaginary part, and of the magnitude where it is large: below 3 the magnitude
    is biased upwards, and air has 1.25 and not 0. Averages are those of the header, and are not
    counted: where some are missing σ is too small, and the ratio too large. What happens to the
    images later (POCS) is not in it, nor are physiological noise and errors of the noise scan.

    Parameters
    ----------
    images
        Combined echoes [E, Z, Y, X] of whitened channels.
    weights
        What they were combined with: one for all echoes, or one for each.
    noise
        Standard deviation σ of the coil images' real part, to be broadcast to the images'
        shape: `coil_image_noise`.

    Notes
    -----
    The weights are read out once more, a pass over the grid of one echo.

    References
    ----------
    Kellman & McVeigh (2005) Magn Reson Med 54:1439. doi:10.1002/mrm.20713
    """
    ratio = np.abs(images) / noise
    shared = _norm(weights[0], images.shape[1]) if len(weights) == 1 else None
    for echo, values in enumerate(ratio):
        norm = _norm(weights[echo], images.shape[1]) if shared is None else shared
        np.divide(values, norm, out=values, where=norm > 0)
    return np.asarray(ratio, np.float32)


def combined_noise(weights: Sequence[Weights], noise: Real, n_z: int) -> Real:
    """Standard deviation of the real part of combined images [Z, Y, X], or 1 in place of an axis.

    Parameters are those of `snr_map`, of whose ratio it is the denominator. Echoes that differ, by
    weights of their own or by lines that are missing, have the root of their mean square.
    """
    if all(isinstance(each, Sensitivities) for each in weights):
        return _mean_over_echoes(noise)
    return _mean_over_echoes(np.stack([_norm(each, n_z) for each in weights]) * noise)


def _mean_over_echoes(noise: Real) -> Real:
    return np.sqrt(np.mean(np.square(noise), axis=0, dtype=np.float64)).astype(np.float32)


def coil_image_noise(
    sampled: Flags, grid: Grid, readout_per_mm: tuple[float, float], *, n_averages: int = 1
) -> Real:
    r"""Standard deviation [E, Z, 1, 1] or [E, 1, 1, 1] of the real part of coil images.

    .. math:: \sigma^2 = \frac{\text{samples that came}}{\text{samples encoded}} \, /\, n

    For lines of deviation 1, of which n are averaged. The transforms are unitary on the encoded
    grid: zeros in place of lines or of the beginning of an echo hold no noise.

    Parameters
    ----------
    sampled
        Which lines came [E, Z, Y].
    grid
        The axes; slices have a noise each.
    readout_per_mm
        Range of k that was read along X, to the samples' edges [cycles/mm].
    n_averages
        How often each line came, as the header says.

    Examples
    --------
    >>> from streamrecon.model.scan import CounterRange
    >>> one, axis = Axis(1, 1, 1, 5.0), Axis(8, 8, 8, 80.0)
    >>> grid = Grid(one, axis, axis, ky=CounterRange(0, 7, 4), kz=CounterRange(), n_slices=1)
    >>> every_second = np.arange(8)[None, None] % 2 == 0
    >>> coil_image_noise(every_second, grid, (-0.05, 0.05)).ravel()
    array([0.70710677], dtype=float32)
    """
    fraction = _fraction(sampled, grid.y)
    if not grid.is_2d:
        fraction = _fraction(fraction, grid.z)[:, None]
    fraction = fraction * _fraction_of_readout(grid.x, readout_per_mm) / n_averages
    noise = np.sqrt(np.maximum(fraction, np.finfo(np.float32).tiny))
    return np.asarray(noise[:, :, None, None], np.float32)


def _fraction(came: Flags | Double, axis: Axis) -> Double:
    """Of the encoded lines on the last axis, how many came and are transformed."""
    kept = [came[..., lines].sum(axis=-1) for lines, _ in axis.lines_in_spectrum()]
    return np.asarray(sum(kept) / axis.n_encoded, np.float64)


def _fraction_of_readout(axis: Axis, readout_per_mm: tuple[float, float]) -> float:
    """Samples of an echo that are transformed, over those of the encoded grid."""
    low, high = (edge * axis.fov_mm for edge in readout_per_mm)
    half = axis.n_transform / 2
    return (min(high, half) - max(low, -half)) / axis.n_encoded


def _norm(weights: Weights, n_z: int) -> Real:
    """Norm of the weights over the coils [Z, Y, X]."""
    return np.stack([np.linalg.norm(weights.at_z(z), axis=0) for z in range(n_z)])
