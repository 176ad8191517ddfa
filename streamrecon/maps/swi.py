"""Makes susceptibility-weighted images: magnitudes darkened by phase or susceptibility.

================== ====================== ==========================================================
function           its phase              what is wrong with it
================== ====================== ==========================================================
`swi_from_field`   local field            needs a brain mask: unweighted outside it
`swi_classic`      homodyne high pass     loses what is wider than the filter, islands at wraps
`swi_clear`        unwrapped, all echoes  the high pass again; no mask needed
`true_swi`         susceptibility         noise and streaks of the map
================== ====================== ==========================================================

The first three depend on the direction of a vessel to B0, and blacken the tissue beside one across
the bore. The fourth does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from streamrecon.errors import ReconError
from streamrecon.fourier import fft, ifft
from streamrecon.machine.threads import at_once
from streamrecon.maps.phase_mask import Darkens, chi_weight, phase_mask, positive_weight
from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import correct_bias_field, signal_mask
from streamrecon.phase.unwrap import unwrap_laplacian
from streamrecon.units import hz_per_ppm

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

LOWPASS_MM = 3.75
"""Voxel of the homodyne reference: 64 lines over a field of view of 240 mm."""


def swi_from_field(
    magnitude: NDArray[np.floating],
    local_ppm: NDArray[np.floating],
    b0_t: float,
    te_s: float,
    *,
    power: int = 4,
    darkens: Darkens = Darkens.PARAMAGNETIC,
) -> Real:
    """Magnitude weighted by the phase that a local field makes in ``te_s`` [Z, Y, X].

    Nothing is filtered and nothing wraps: a field strong enough for more than half a turn is
    black. Where the field is 0, as outside its mask, the magnitude stays as it is. Below one FFT.

    Parameters
    ----------
    magnitude
        [Z, Y, X], any unit: of one echo, or of all (`root_sum_squares`).
    local_ppm
        Field of the sources inside the brain [Z, Y, X, ppm of B0].
    b0_t
        Static field [T].
    te_s
        Time for which the phase grows [s]; `target_te_s` has a good one.
    power
        How often the factor is applied.
    darkens
        What is shown dark.

    Raises
    ------
    ReconError
        If the shapes differ.
    """
    turn_per_ppm = np.float32(2 * np.pi * hz_per_ppm(b0_t) * te_s)
    return _weighted(
        magnitude,
        local_ppm,
        lambda field: phase_mask(field * turn_per_ppm, power=power, darkens=darkens),
    )


def true_swi(
    magnitude: NDArray[np.floating],
    chi_ppm: NDArray[np.floating],
    *,
    full_ppm: float = 0.45,
    power: int = 2,
    darkens: Darkens = Darkens.PARAMAGNETIC,
) -> Real:
    """Magnitude weighted by susceptibility [Z, Y, X]: tSWI, the same for every direction of a vein.

    Unweighted where susceptibility is 0, as outside its mask. Below one FFT.

    Parameters
    ----------
    magnitude
        [Z, Y, X], any unit.
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    full_ppm
        Susceptibility that is black [ppm].
    power
        How often the factor is applied.
    darkens
        What is shown dark.

    Raises
    ------
    ReconError
        If the shapes differ.

    References
    ----------
    Liu et al. (2014) Magn Reson Med 71:1100. doi:10.1002/mrm.24777
    """
    return _weighted(
        magnitude,
        chi_ppm,
        lambda chi: chi_weight(chi, full_ppm=full_ppm, power=power, darkens=darkens),
    )


def swi_classic(
    echoes: Complex,
    geometry: Geometry,
    *,
    lowpass_mm: float = LOWPASS_MM,
    power: int = 4,
    darkens: Darkens = Darkens.PARAMAGNETIC,
) -> Real:
    r"""Mean over the echoes of \|S\|·w⁴ of their homodyne phase [Z, Y, X].

    Two in-plane FFTs for each echo. Veins wider than ``lowpass_mm`` lose their phase, and near
    sinuses wraps survive as islands of wrong contrast.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X] with φ = +2π·γ̄·ΔB·TE.
    geometry
        Their grid.
    lowpass_mm
        Voxel of the smooth reference image along Y and X [mm].
    power
        How often the factor is applied.
    darkens
        What is shown dark.

    References
    ----------
    Haacke et al. (2004) Magn Reson Med 52:612. doi:10.1002/mrm.20198
    """
    total = np.zeros(echoes.shape[1:], np.float32)
    for echo in echoes:
        phase = highpass_phase(echo, geometry, lowpass_mm=lowpass_mm)
        total += np.abs(echo) * phase_mask(phase, power=power, darkens=darkens)
    return total / np.float32(len(echoes))


def highpass_phase(image: Complex, geometry: Geometry, *, lowpass_mm: float = LOWPASS_MM) -> Real:
    """Phase of an image against itself seen through a Hann window in k-space [Z, Y, X, rad].

    Raises
    ------
    ReconError
        If the window would hold fewer than two lines.
    """
    spectrum = fft(image, (1, 2))
    for axis in (1, 2):
        n, voxel = image.shape[axis], geometry.voxel_mm[axis]
        if n * voxel < 2 * lowpass_mm:
            raise ReconError(
                f"SWI: found a field of view of {n * voxel:g} mm, needed two of {lowpass_mm:g} mm"
            )
        at = (np.arange(n) - n // 2) / (n * voxel) * lowpass_mm  # in widths of the window
        window = np.where(abs(at) < 0.5, (1 + np.cos(2 * np.pi * at)) / 2, 0)
        spectrum *= window.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    return np.asarray(np.angle(image * np.conj(ifft(spectrum, (1, 2)))), np.float32)


def swi_clear(
    echoes: Complex,
    te_s: Sequence[float],
    geometry: Geometry,
    *,
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
    than noise does and falls to 0 at the strongest one, where the paper's soft one darkens
    everything; late echoes count for more, in which a vein across the bore is dark by its decay;
    the sensitivity comes from bright quantiles of blocks in mm and not from box filters in voxels,
    so that it does not hang on the voxel's size; the high pass, which is linear, is applied once to
    the combined phase; no soft threshold is laid on the magnitude. Not for absolute brightness;
    near sinuses signal is lost as in the late echoes.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X] with φ = +2π·γ̄·ΔB·TE.
    te_s
        Echo times [s].
    geometry
        Their grid.
    highpass_mm
        Standard deviation of the Gaussian whose result is taken off, along Y and X [mm].
    strength
        Power of the factor: how black.
    darkens
        What is shown dark.

    Raises
    ------
    ReconError
        If there is no signal.

    References
    ----------
    Eckstein et al. (2021) NeuroImage 237:118175. doi:10.1016/j.neuroimage.2021.118175
    """
    head = signal_mask(root_sum_squares(echoes))
    turned, long = np.zeros((2, *head.shape), np.float32)
    for echo, te in zip(echoes, te_s, strict=True):
        weight = np.float32(te) * (echo.real**2 + echo.imag**2)
        turned += weight * unwrap_laplacian(np.angle(echo), geometry)
        long += weight * np.float32(te)
    frequency = turned / np.maximum(long, np.finfo(np.float32).tiny)
    local = _highpass(frequency, head, geometry, highpass_mm)
    even = correct_bias_field(decay_weighted(echoes, te_s, head), head, geometry)
    even *= positive_weight(local, head, power=strength, darkens=darkens)
    return even


def decay_weighted(echoes: Complex, te_s: Sequence[float], head: NDArray[np.bool_]) -> Real:
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


def root_sum_squares(echoes: Complex) -> Real:
    """Magnitude of all echoes together [Z, Y, X]: of all sums the one with least noise."""
    total = np.zeros(echoes.shape[1:], np.float32)

    def chunk(slices: range) -> None:
        part = slice(slices.start, slices.stop)
        for echo in echoes[:, part]:
            total[part] += echo.real**2 + echo.imag**2
        np.sqrt(total[part], out=total[part])

    at_once(chunk, len(total))
    return total


def _weighted(
    magnitude: NDArray[np.floating],
    values: NDArray[np.floating],
    weight: Callable[[NDArray[np.floating]], Real],
) -> Real:
    if magnitude.shape != values.shape:
        raise ReconError(f"SWI: found a magnitude {magnitude.shape} and a map {values.shape}")
    image = np.empty(magnitude.shape, np.float32)

    def chunk(slices: range) -> None:
        for z in slices:  # a slice stays in the cache
            np.multiply(magnitude[z], weight(values[z]), out=image[z])

    at_once(chunk, len(image))
    return image


def _highpass(values: Real, mask: NDArray[np.bool_], geometry: Geometry, sigma_mm: float) -> Real:
    """Values less their in-plane Gaussian mean over the mask; 0 outside."""
    smooth, weight = np.where(mask, values, np.float32(0)), mask.astype(np.float32)
    for axis in (1, 2):
        sigma = sigma_mm / geometry.voxel_mm[axis]
        smooth = gaussian_filter1d(smooth, sigma, axis, truncate=3.0)
        weight = gaussian_filter1d(weight, sigma, axis, truncate=3.0)
    mean = smooth / np.maximum(weight, np.float32(1e-6))
    return np.where(mask, values - mean, np.float32(0))
