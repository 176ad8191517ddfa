r"""Fits the total field to the phase of the echoes, with its standard deviation.

.. math:: \varphi_n = \varphi_0 + 2\pi\bar\gamma B_0 f\, TE_n, \quad w_n = m_n^2

by weighted least squares with an intercept, then Gauss-Newton steps of the complex fit: regressions
of the wrapped residuals, which make the result independent of wraps that were left. In those steps
the intercept is held near zero as loosely as the voxel's own misfit allows: voxels that a line does
not fit, as at a calcification, would otherwise trade a wild intercept for a wild field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.phase._kernels import fit_lines
from streamrecon.phase.image_noise import Noise, in_units_of
from streamrecon.units import hz_per_ppm

Real = NDArray[np.float32]

_LITTLE = 0.5  # of the mask; a head has some 0.99 of it


@dataclass(frozen=True, slots=True, eq=False)
class FieldFit:
    """Field and the trust in it; all [Z, Y, X], 0 outside the mask.

    Parameters
    ----------
    field_ppm
        Relative total field [ppm].
    sd_ppm
        Standard deviation that noise gives it [ppm]; infinite where there is no signal.
    residual_rad
        Magnitude-weighted root mean square of the phase residuals [rad]; 0 below three echoes.
    offset_rad
        Phase at TE = 0 [rad]; 0 for one echo.
    noise
        Standard deviation of the real part of the images, in units of the magnitude; of every
        voxel where it is known so.
    """

    field_ppm: Real
    sd_ppm: Real
    residual_rad: Real
    offset_rad: Real
    noise: Noise

    @property
    def region(self) -> NDArray[np.bool_]:
        """Where the echoes were fitted [Z, Y, X]."""
        return np.asarray(self.sd_ppm > 0)


def fit_field(
    phase_rad: NDArray[np.floating],
    magnitude: NDArray[np.floating],
    mask: NDArray[np.bool_],
    te_s: Sequence[float],
    b0_t: float,
    *,
    noise: Noise,
    steps: int = 2,
    intercept_sd_rad: float = 0.2,
) -> FieldFit:
    """Weighted linear fit with intercept of unwrapped phases; about four FFTs.

    Two echoes give their phase difference, one echo its phase over TE: then a phase offset that was
    left in is taken for field. The misfit of the echoes is a quality and not their noise: flow,
    fat, breathing and eddy currents make it several times larger than the noise.

    Parameters
    ----------
    phase_rad
        Unwrapped phase [E, Z, Y, X, rad], growing with the field.
    magnitude
        [E, Z, Y, X], any unit.
    mask
        Voxels wanted [Z, Y, X].
    te_s
        Echo times [s].
    b0_t
        Static field [T].
    noise
        Standard deviation of the real part of the images, in units of the magnitude, one or of
        every voxel [Z, Y, X]: known from a noise scan, or from `phase.image_noise.measure_noise`.
    steps
        Gauss-Newton steps.
    intercept_sd_rad
        Phase that a voxel may keep at TE = 0 after its smooth offset was removed [rad]; 0 leaves
        it free, which is right where no offset was removed.

    Raises
    ------
    ReconError
        If the mask is empty, or the phase is not finite in it.

    References
    ----------
    Liu et al. (2013) Magn Reson Med 69:467. doi:10.1002/mrm.24272
    """
    if not mask.any():
        raise ReconError("field: no voxel to fit, the mask is empty")
    echoes = len(te_s)
    phase = np.asarray(phase_rad, np.float32).reshape(echoes, -1)
    size, sd_of_size = in_units_of(np.asarray(magnitude, np.float32), noise)
    weight = size.astype(np.float32, copy=False).reshape(echoes, -1)
    inside = mask.ravel()
    out = np.zeros((5, mask.size), np.float32)
    times = np.asarray(te_s, np.float64)
    _fit(phase, weight, times, inside, out, steps=steps, hold=(intercept_sd_rad, sd_of_size))
    slope, intercept, misfit, spread, power = out
    if not np.isfinite(slope).all():
        raise ReconError("field: the phase is not finite inside the mask")

    scale = np.float32(2 * np.pi * hz_per_ppm(b0_t))
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = np.where(inside, np.float32(sd_of_size) / (scale * np.sqrt(spread)), 0)
        residual = np.sqrt(misfit / power, out=np.zeros_like(misfit), where=power > 0)
    return FieldFit(
        (slope / scale).reshape(mask.shape),
        sd.astype(np.float32).reshape(mask.shape),
        residual.reshape(mask.shape),
        intercept.reshape(mask.shape).copy(),  # a part of it would keep all five
        noise,
    )


def trust_from_noise(
    sd_ppm: NDArray[np.floating], mask: NDArray[np.bool_], *, highest: float = 2.0
) -> Real:
    """Weights 1 / sd [Z, Y, X] with 1 at the median, at most ``highest``, 0 outside the mask."""
    median = np.median(sd_ppm[mask])
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.minimum(median / sd_ppm, highest)
    return np.where(mask & np.isfinite(weight), weight, 0).astype(np.float32)


def _fit(
    phase: Real,
    weight: Real,
    times: NDArray[np.float64],
    inside: NDArray[np.bool_],
    out: Real,
    *,
    steps: int = 0,
    hold: tuple[float, float] = (0.0, 0.0),
) -> None:
    at_once(
        lambda v: fit_lines(phase, weight, times, inside, steps, *hold, *out, v.start, v.stop),
        inside.size,
    )


def little_believed(weight: NDArray[np.floating], mask: NDArray[np.bool_]) -> str:
    """What a reader must know where less than half of a mask has a field to be believed; else "".

    >>> little_believed(np.array([0.0, 0.0, 1.0, 0.9]), np.array([True, True, True, False]))
    '33% of the mask is believed; elsewhere the phase is no line in time (fat, flow), or noise'

    Parameters
    ----------
    weight
        Trust in the field [Z, Y, X], 0 where it is not believed.
    mask
        Where susceptibility is wanted [Z, Y, X].
    """
    believed = float(np.count_nonzero(weight[mask])) / max(int(mask.sum()), 1)
    if believed >= _LITTLE:
        return ""
    cause = "the phase is no line in time (fat, flow), or noise"
    return f"{believed:.0%} of the mask is believed; elsewhere {cause}"
