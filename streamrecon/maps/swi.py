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

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.fourier import fft, ifft
from streamrecon.machine.threads import at_once
from streamrecon.maps.phase_mask import Darkens, chi_weight, phase_mask
from streamrecon.model.geometry import Geometry
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
