"""Measures of a scan's quality, each one number of its maps; `quality_limits` says what is good."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from streamrecon.fourier import rfftn
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import dipole_kernel, frequencies

Complex = NDArray[np.complexfloating]
Real = NDArray[np.floating]
Flags = NDArray[np.bool_]

_CONE, _BESIDE = 0.06, (0.12, 0.30)  # of the dipole's size: at the cone, and where χ is well known
_RINGS = (0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75)  # of the coarsest axis's highest frequency
_FEWEST = 200  # voxels on which a mean may rest
_NEAR_VOXELS = 3  # of the object: its own ringing
_LEAST_OF_OCTANT = 0.04  # of the mask


def signal_to_noise(magnitude: Real, noise: float | NDArray[np.float32], mask: Flags) -> float:
    """Median of magnitude over noise in the mask, of one echo [Z, Y, X].

    >>> signal_to_noise(np.full((1, 1, 3), 20.0), 0.5, np.ones((1, 1, 3), bool))
    40.0
    """
    sd = np.broadcast_to(np.asarray(noise, np.float64), magnitude.shape)
    known = mask & (sd > 0)
    return float(np.median(magnitude[known] / sd[known])) if known.any() else float("nan")


def phase_misfit(
    echoes: Complex, te_s: Sequence[float], field_hz: Real, noise: Real | float, mask: Flags
) -> float | None:
    """How far the phase is from a line over the echo times, less what noise makes of it [rad].

    Median over the mask of the root mean square of each voxel's residuals, weighted by magnitude,
    about one offset; the part of noise is taken off in squares. ``None`` below three echoes. Flow,
    fat and breath make it large too, and a filter of the phase only where the field is steep.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X].
    te_s
        Echo times [s].
    field_hz
        Total field [Z, Y, X, Hz] that was fitted to them; wraps of it do not matter.
    noise
        Deviation of the real part in units of the echoes, one or of every voxel [Z, Y, X].
    mask
        Voxels that count.
    """
    if len(te_s) < 3 or not mask.any():
        return None
    times = np.asarray(te_s)[:, None]
    seen = echoes[:, mask] * np.exp(-2j * np.pi * field_hz[mask] * times)
    sd = np.broadcast_to(np.asarray(noise, np.float64), mask.shape)[mask]
    size = np.abs(seen)
    middle = np.sum(size * seen, axis=0)
    away = np.angle(seen * np.conj(middle))
    power = np.maximum(np.sum(size**2, axis=0), np.finfo(np.float64).tiny)
    mean_square = np.sum(size**2 * away**2, axis=0) / power
    by_noise = sd**2 * (len(te_s) - 2) / power  # offset and slope are fitted
    return float(np.sqrt(max(0.0, float(np.median(mean_square) - np.median(by_noise)))))


def ghost_level(magnitude: Real, head: Flags) -> float | None:
    r"""Signal in the air in line with the object beyond that in the corners, over the object's.

    .. math:: \sqrt{\operatorname{med} a^2 - \operatorname{med} c^2}
              \big/ \sqrt{\operatorname{med} h^2}

    Motion, pulsation and aliases send copies of the object along the encoded axes, and the largest
    axis counts; 0 where the corners have as much. Medians, since some of the object is darker than
    what counts as one. ``None`` where air is missing, or was set to zero. Blind to motion that
    blurs and does not repeat.

    Parameters
    ----------
    magnitude
        One echo [Z, Y, X].
    head
        Voxels of the object.
    """
    near = binary_dilation(head, iterations=_NEAR_VOXELS)
    corner = ~np.logical_or.reduce([_in_line(near, axis) for axis in range(3)])
    in_line = [_in_line(head, axis) & ~near for axis in range(3)]
    power = np.asarray(magnitude, np.float64) ** 2
    if corner.sum() < _FEWEST or not head.any() or np.median(power[corner]) == 0:
        return None
    floor, signal = float(np.median(power[corner])), float(np.median(power[head]))
    found = [float(np.median(power[air])) for air in in_line if air.sum() >= _FEWEST]
    if not found:
        return None
    return float(np.sqrt(max(0.0, max(found) - floor) / signal))


def _in_line(flags: Flags, axis: int) -> Flags:
    return np.broadcast_to(flags.any(axis=axis, keepdims=True), flags.shape)


def mask_differences(mask: Flags, expected: Flags) -> tuple[float, float]:
    """Parts of the expected region that the mask lost, and of the mask that lie beyond it.

    >>> mask_differences(np.array([1, 1, 0, 0, 1, 1], bool), np.array([1, 1, 1, 1, 0, 0], bool))
    (0.5, 0.5)
    """
    both = float((mask & expected).sum())
    return 1 - both / max(1, int(expected.sum())), 1 - both / max(1, int(mask.sum()))


def zero_spread(chi_ppm: Real, mask: Flags) -> float | None:
    """Spread of the zero: deviation of the medians of χ in the mask's eight octants [ppm].

    Octants about the mask's centre, each with at least 4 % of it. Background that was left makes χ
    drift across the head; anatomy alone makes some ppb. ``None`` with fewer than four of them.
    """
    if not mask.any():
        return None
    places = np.argwhere(mask)
    octant = (places > places.mean(axis=0)) @ np.array([4, 2, 1])
    values = chi_ppm[mask]
    medians = [
        float(np.median(values[octant == n]))
        for n in range(8)
        if (octant == n).sum() >= max(_LEAST_OF_OCTANT * len(values), 8)
    ]
    return float(np.std(medians)) if len(medians) >= 4 else None


def streak_index(chi_ppm: Real, mask: Flags, geometry: Geometry) -> float | None:
    """Power of χ at the cone where the dipole is zero, over that beside it at equal frequency.

    Texture of no direction gives 1, an inversion that holds the cone down less, noise or
    inconsistent fields that were divided by small numbers more. Means within rings of frequency,
    the median of their ratios; one FFT. Veins and the outline have directions of their own and
    count little: their power is spread over both.

    Parameters
    ----------
    chi_ppm
        [Z, Y, X, ppm].
    mask
        Where it is known.
    geometry
        Its grid, and the direction of B0 that it was inverted with.
    """
    if not mask.any():
        return None
    level = float(chi_ppm[mask].mean())
    power = np.abs(rfftn(np.where(mask, chi_ppm - level, 0).astype(np.float32))) ** 2
    size = np.abs(dipole_kernel(geometry))
    radius = _frequency(geometry) * 2 * max(geometry.voxel_mm)
    cone, beside = size < _CONE, (size > _BESIDE[0]) & (size < _BESIDE[1])
    ratios = []
    for low, high in pairwise(_RINGS):
        ring = (radius >= low) & (radius < high)
        one, two = power[ring & cone], power[ring & beside]
        if min(one.size, two.size) >= 20 and two.any():
            ratios.append(float(one.mean() / two.mean()))
    return float(np.median(ratios)) if ratios else None


def _frequency(geometry: Geometry) -> Real:
    """Size of the frequency on the half spectrum [1/mm]."""
    parts = [
        frequencies(n, half=axis == 2) / mm
        for axis, (n, mm) in enumerate(zip(geometry.shape, geometry.voxel_mm, strict=True))
    ]
    z, y, x = np.meshgrid(*parts, indexing="ij", sparse=True)
    return np.asarray(np.sqrt(z**2 + y**2 + x**2))


def field_jumps(field_hz: Real, mask: Flags, spacing_s: float) -> float:
    """Part of neighbouring voxels between which the field jumps by more than half a turn.

    Parameters
    ----------
    field_hz
        Total field [Z, Y, X, Hz].
    mask
        Voxels that count.
    spacing_s
        Time in which a wrap is one turn: the shortest between two echoes, or one echo's [s].
    """
    pairs = jumps = 0
    for axis in range(3):
        here = np.moveaxis(mask, axis, 0)
        both = here[1:] & here[:-1]
        step = np.diff(np.moveaxis(field_hz, axis, 0), axis=0)[both]
        pairs += int(both.sum())
        jumps += int((np.abs(step) * spacing_s > 0.5).sum())
    return jumps / max(1, pairs)


def slice_angle_deg(geometry: Geometry) -> float:
    """Angle between the slice axis and B0, 0 … 90 [°].

    >>> slice_angle_deg(Geometry((1, 1, 1), (1, 1, 1), np.eye(3)[::-1]))
    0.0
    """
    return float(np.degrees(np.arccos(min(1.0, abs(geometry.b0_axis()[0])))))
