"""Makes CLEAR-SWI: all echoes together, coil sensitivity taken off, weighted by their phase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from streamrecon.maps.phase_mask import Darkens, positive_weight
from streamrecon.maps.swi import root_sum_squares
from streamrecon.model.geometry import Geometry
from streamrecon.phase.image_noise import Noise, measure_noise
from streamrecon.phase.magnitude import correct_bias_field, signal_mask
from streamrecon.phase.unwrap import unwrap_laplacian

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_QUIET = 5.0  # standard deviations of noise: from there on the eye believes, says Rose


def swi_clear(
    echoes: Complex,
    te_s: Sequence[float],
    geometry: Geometry,
    *,
    noise: Noise | None = None,
    highpass_mm: float = 4.0,
    strength: float = 4.0,
    darkens: Darkens = Darkens.PARAMAGNETIC,
) -> Real:
    """All echoes together, coil sensitivity taken off, weighted: CLEAR-SWI [Z, Y, X].

    The magnitude is that in which R2* stands out best of the noise, see `decay_weighted`; the phase
    of every echo is unwrapped by its Laplacian, combined with the weights that leave least noise,
    and high-pass filtered once. About twenty FFTs an echo. Units of the result are those of the
    magnitude, averaged over the head.

    Five things differ from the paper: the factor is 1 for phase that turns backwards or no more
    than five deviations of noise and falls to 0 at the strongest one, where the paper's soft one
    darkens everything; late echoes count for more, in which a vein across the bore is dark by its
    decay; the sensitivity comes from bright quantiles of blocks in mm and not from box filters in
    voxels, so that it does not hang on the voxel's size; the high pass, which is linear, is applied
    once to the combined phase; no soft threshold is laid on the magnitude. Not for absolute
    brightness; near sinuses signal is lost as in the late echoes. In interpolated images noise is
    taken for less than it is, and tissue is speckled.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X] with φ = +2π·γ̄·ΔB·TE.
    te_s
        Echo times [s].
    geometry
        Their grid.
    noise
        Standard deviation of the real part of the echoes, in their unit, a number or of every
        voxel [Z, Y, X]; measured where it is not given.
    highpass_mm
        Standard deviation of the Gaussian whose result is taken off, along Y and X [mm].
    strength
        Power of the factor: how black.
    darkens
        What is shown dark.

    Raises
    ------
    ReconError
        If there is no signal, or noise is to be measured and there is nowhere to.

    References
    ----------
    Eckstein et al. (2021) NeuroImage 237:118175. doi:10.1016/j.neuroimage.2021.118175
    Rose (1948) J Opt Soc Am 38:196. doi:10.1364/JOSA.38.000196
    """
    head = signal_mask(root_sum_squares(echoes))
    turned, trust = np.zeros((2, *head.shape), np.float32)
    for echo, te in zip(echoes, te_s, strict=True):
        weight = np.float32(te) * (echo.real**2 + echo.imag**2)
        turned += weight * unwrap_laplacian(np.angle(echo), geometry)
        trust += weight * np.float32(te)
    angular = turned / np.maximum(trust, np.finfo(np.float32).tiny)
    local = np.where(head, angular - _mean_around(angular, head, geometry, highpass_mm), 0)
    sd = measure_noise(echoes, head).sd if noise is None else noise
    usual = _mean_around(trust, head, geometry, highpass_mm)  # a vein has less of its own
    quiet = _QUIET * sd / np.sqrt(np.maximum(usual, np.finfo(np.float32).tiny))
    even = correct_bias_field(decay_weighted(echoes, te_s, head), head, geometry)
    even *= positive_weight(local, head, quiet, power=strength, darkens=darkens)
    return even


def decay_weighted(echoes: Complex, te_s: Sequence[float], head: Flags) -> Real:
    r"""Magnitude in which a small change of R2* stands out best of the noise [Z, Y, X].

    .. math:: \sum_e w_e |S_e|, \quad w_e \propto TE_e \langle |S_e| \rangle

    the filter matched to what R2* changes, TE·\|S\| in each echo, with weights that add up to 1. It
    is most of all T2*-weighted: of one echo it is the magnitude.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X].
    te_s
        Echo times [s].
    head
        Voxels over which brightness is averaged [Z, Y, X].
    """
    weights = [te * float(np.abs(echo)[head].mean()) for echo, te in zip(echoes, te_s, strict=True)]
    total = np.zeros(echoes.shape[1:], np.float32)
    for echo, weight in zip(echoes, weights, strict=True):
        total += np.float32(weight / sum(weights)) * np.abs(echo)
    return total


def _mean_around(values: Real, mask: Flags, geometry: Geometry, sigma_mm: float) -> Real:
    """In-plane Gaussian mean over the mask's voxels."""
    smooth, weight = np.where(mask, values, np.float32(0)), mask.astype(np.float32)
    for axis in (1, 2):
        sigma = sigma_mm / geometry.voxel_mm[axis]
        smooth = gaussian_filter1d(smooth, sigma, axis, truncate=3.0)
        weight = gaussian_filter1d(weight, sigma, axis, truncate=3.0)
    return np.asarray(smooth / np.maximum(weight, np.float32(1e-6)), np.float32)
