"""Removes the phase of bipolar echoes that changes sign with the readout gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.scan import EchoTrain
from streamrecon.recon.images.bipolar_phase import smooth_bipolar_phase

Complex = NDArray[np.complex64]

_APART = 4  # voxels between which slopes are taken: noise falls with it, wraps come with it
_SIGNAL = 0.1  # of the brightest voxel: weaker ones say little and may hold wraps


def without_bipolar_phase(images: Complex, echoes: EchoTrain) -> tuple[Complex, str]:
    """Images [E, Z, Y, X] of bipolar echoes without the phase between polarities, and a report.

    First the ramp of a gradient delay, then what is left that is smooth, the constant included.

    Raises
    ------
    HeaderError
        If the echo times are not known.
    """
    slope_rad = bipolar_ramp(images, echoes.times_s(), echoes.readout_polarity)
    if slope_rad is None:
        return images, "bipolar echoes: too few to part gradient delay from field; left as they are"
    cycles = slope_rad * images.shape[3] / (2 * np.pi)
    message = f"bipolar echoes: phase ramp of {cycles:+.3f} cycles over the field of view removed"
    straight = without_ramp(images, slope_rad, echoes.readout_polarity)
    smooth_rad = smooth_bipolar_phase(straight, echoes.times_s(), echoes.readout_polarity)
    if smooth_rad is None:
        return straight, f"{message}; a constant or curved phase left, echoes are unevenly spaced"
    message = f"{message}, and a smooth phase of {_mean_size(straight, smooth_rad):.3f} rad"
    for echo, sign in enumerate(echoes.readout_polarity):
        straight[echo] *= np.exp(-1j * sign * smooth_rad)
    return straight, message


def _mean_size(images: Complex, phase_rad: NDArray[np.float32]) -> float:
    """Root mean square of a phase, weighted with the signal."""
    return float(np.sqrt(np.average(phase_rad**2, weights=np.abs(images[0]) ** 2)))


def bipolar_ramp(
    images: Complex, te_s: Sequence[float], readout_polarity: Sequence[int]
) -> float | None:
    r"""Slope b of the ramp :math:`\pm b\,x` between echoes of opposite polarity [rad/voxel].

    A readout gradient that comes late shifts echoes of positive readout polarity one way in
    k-space and those of negative polarity the other way. The slope of the phase along X,

    .. math:: \partial_x \varphi_e = \partial_x \varphi_0 + TE_e\,\partial_x\omega + p_e\,b,

    taken over a few voxels wherever that is safe from wraps, has a least-squares fit over echoes
    that parts b from the object's field; b is the weighted median over voxels.
    A constant phase between polarities, and one that varies otherwise than along X, stay here;
    `smooth_bipolar_phase` finds them.

    Parameters
    ----------
    images
        Combined complex images [E, Z, Y, X].
    te_s
        Echo times [E, s].
    readout_polarity
        +1 or -1 per echo.

    Returns
    -------
        b, or ``None`` where the echoes cannot tell it from the field: all of one
        readout polarity, or fewer than three.

    References
    ----------
    Li et al. (2015) Magn Reson Med 73:2111. doi:10.1002/mrm.25349
    """
    model = np.stack([np.ones(len(te_s)), np.asarray(te_s), np.asarray(readout_polarity)], axis=1)
    if len(te_s) < 3 or np.linalg.matrix_rank(model / np.abs(model).max(axis=0)) < 3:
        return None
    steps, apart = _steps_along_x(images)
    power = np.abs(steps).min(axis=0)
    trusted = power > _SIGNAL**2 * power.max()
    if not trusted.any():
        return None
    slopes = np.tensordot(np.linalg.pinv(model)[2], np.angle(steps[:, trusted]), axes=1) / apart
    return _weighted_median(slopes, power[trusted])


def _steps_along_x(images: Complex) -> tuple[Complex, int]:
    """Products of voxels some way apart [E, Z, Y, X - apart], zero where a wrap may lie between."""
    apart = max(1, min(_APART, images.shape[3] // 8))
    n_pairs = images.shape[3] - apart
    steps = images[..., apart:] * images[..., :-apart].conj()
    near = images[..., 1:] * images[..., :-1].conj()
    for offset in range(apart):
        turn = np.abs(np.angle(near[..., offset : offset + n_pairs])).max(axis=0)
        steps[:, turn * apart > np.pi / 2] = 0
    return steps, apart


def _weighted_median(values: NDArray[np.floating], weights: NDArray[np.floating]) -> float:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order], dtype=np.float64)
    return float(values[order[np.searchsorted(cumulative, cumulative[-1] / 2)]])


def without_ramp(images: Complex, slope_rad: float, readout_polarity: Sequence[int]) -> Complex:
    """Images [E, Z, Y, X] with the ramp of ``slope_rad`` per voxel taken off by polarity."""
    x = np.arange(images.shape[3]) - images.shape[3] // 2
    ramps = np.exp(-1j * slope_rad * np.outer(readout_polarity, x)).astype(np.complex64)
    corrected: Complex = images * ramps[:, None, None, :]
    return corrected


def signed(images: Complex, phase_sign: int) -> Complex:
    """Images whose phase grows with the field, from a scanner whose phase has ``phase_sign``.

    The images are conjugated, not k-space: that would mirror them too.
    """
    return images if phase_sign > 0 else images.conj()
