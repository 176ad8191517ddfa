"""What a delayed gradient does to bipolar echoes: a phase ramp that changes sign with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.scan import EchoTrain

Complex = NDArray[np.complex64]

_APART = 4  # voxels between which slopes are taken: noise falls with it, wraps come with it
_SIGNAL = 0.1  # of the brightest voxel: weaker ones say little and may hold wraps


def without_polarity(images: Complex, echoes: EchoTrain) -> tuple[Complex, str]:
    """Images [E, Z, Y, X] of bipolar echoes without the ramp between polarities, and a report.

    Raises
    ------
    HeaderError
        If the echo times are not known.
    """
    slope_rad = polarity_ramp(images, echoes.times_s(), echoes.polarity)
    if slope_rad is None:
        return images, "bipolar echoes: too few to part gradient delay from field; left as they are"
    delay = slope_rad * images.shape[3] / (2 * np.pi)
    told = f"bipolar echoes: gradient delay of {delay:+.3f} samples removed"
    return without_ramp(images, slope_rad, echoes.polarity), told


def polarity_ramp(images: Complex, te_s: Sequence[float], polarity: Sequence[int]) -> float | None:
    r"""Slope b of the ramp :math:`\pm b\,x` between echoes of opposite polarity [rad/voxel].

    A readout gradient that comes late shifts echoes of positive polarity one way in k-space and
    those of negative polarity the other way. The slope of the phase along X,

    .. math:: \partial_x \varphi_e = \partial_x \varphi_0 + TE_e\,\partial_x\omega + p_e\,b,

    taken over a few voxels, is free of wraps nearly everywhere; its least-squares fit over echoes
    parts b from the object's field, and the weighted median over voxels passes over the rest.
    A constant phase between polarities, and one that varies otherwise than along X, stay.

    Parameters
    ----------
    images
        Combined complex images [E, Z, Y, X].
    te_s
        Echo times [E, s].
    polarity
        +1 or -1 per echo.

    Returns
    -------
        b, or ``None`` where the echoes cannot tell it from the field: all of one
        polarity, or fewer than three.

    References
    ----------
    Li et al. (2015) Magn Reson Med 73:2111. doi:10.1002/mrm.25349
    """
    model = np.stack([np.ones(len(te_s)), np.asarray(te_s), np.asarray(polarity)], axis=1)
    if len(te_s) < 3 or np.linalg.matrix_rank(model / np.abs(model).max(axis=0)) < 3:
        return None
    apart = max(1, min(_APART, images.shape[3] // 8))
    steps = images[..., apart:] * images[..., :-apart].conj()
    power = np.abs(steps).min(axis=0)
    strong = power > _SIGNAL**2 * power.max()
    slopes = np.tensordot(np.linalg.pinv(model)[2], np.angle(steps[:, strong]), axes=1) / apart
    return _weighted_median(slopes, power[strong]) if strong.any() else None


def _weighted_median(values: NDArray[np.floating], weights: NDArray[np.floating]) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order], dtype=np.float64)
    return float(values[order[np.searchsorted(share, share[-1] / 2)]])


def without_ramp(images: Complex, slope_rad: float, polarity: Sequence[int]) -> Complex:
    """Images [E, Z, Y, X] with the ramp of ``slope_rad`` per voxel taken off each polarity."""
    x = np.arange(images.shape[3]) - images.shape[3] // 2
    ramps = np.exp(-1j * slope_rad * np.outer(polarity, x)).astype(np.complex64)
    corrected: Complex = images * ramps[:, None, None, :]
    return corrected


def signed(images: Complex, phase_sign: int) -> Complex:
    """Images whose phase grows with the field, from a scanner whose phase has ``phase_sign``.

    The images are conjugated, not k-space: that would mirror them too.
    """
    return images if phase_sign > 0 else images.conj()
