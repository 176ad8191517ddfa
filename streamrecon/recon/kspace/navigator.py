"""Corrects lines for a field that drifts during a scan, as navigators measure it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex64]
Real = NDArray[np.float64]


def navigator_phase(lines: Complex, reference: Complex, before_rad: float = 0.0) -> Real:
    r"""Phase by which navigators [N, C, X] turned since the ``reference`` [C, X], [N, rad].

    .. math:: \varphi_n = \angle \sum_{c,k} d_n(c, k)\,\bar d_0(c, k)

    A uniform field turns all samples alike. One that varies over the object is seen as its mean,
    weighted with signal; motion, which changes the samples otherwise, as far as it turns them.

    Parameters
    ----------
    lines
        Navigators in the order of time [N, C, X].
    reference
        The navigator that has phase 0.
    before_rad
        Phase of the one before, from which the first is less than half a turn away.

    References
    ----------
    Hu & Kim (1994) Magn Reson Med 31:495. doi:10.1002/mrm.1910310505
    """
    first = reference.astype(np.complex128)
    products = [np.vdot(first, line.astype(np.complex128)) for line in lines]
    angle = np.angle(products)
    # whole turns are counted apart: their sum is exact, whatever comes with whatever
    steps = np.diff(angle, prepend=before_rad)
    return np.asarray(angle - 2 * np.pi * np.cumsum(np.rint(steps / (2 * np.pi))))


def turned_back(lines: Complex, phase_rad: Real) -> Complex:
    """Lines [N, C, X], each without its phase [N]."""
    back: Complex = lines * np.exp(-1j * phase_rad).astype(np.complex64)[:, None, None]
    return back


def phase_at(when: Real, times: Real, phase_rad: Real) -> Real:
    """Phase at other times than the navigators', linear between them, constant beyond."""
    return np.interp(when, times, phase_rad)
