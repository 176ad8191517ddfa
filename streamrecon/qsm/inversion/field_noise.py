r"""What no susceptibility can have made of a local field: its noise, and its misfit.

No source makes a field where D vanishes. What a field has on that cone all the same is noise, or
misfit: what a removal of background lost, tissue whose susceptibility depends on its direction.
The mask, tapered over three voxels, smears what sources made onto the cone, too; how much is known
from the spectra of both:

.. math:: P_{cone} = N + S\,a_{cone}, \quad P_{beside} = N + S\,a_{beside},
          \quad a = |\hat w|^2 * D^2

with the power S of the sources and N of all else, taken to be alike within a shell of frequencies.
Of fields of two heads without noise N is nothing below half of the highest frequency, where up to
a fifth of the field's amplitude is on the cone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from streamrecon.errors import ReconError
from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import dipole_kernel, frequencies

Real = NDArray[np.float32]

_LEAST_PPM = 5e-5  # no noise is told as less: what goes by it has to be finite
_CONE, _BESIDE = 0.03, 0.1  # |D| below and above which a frequency is on the cone and is not
_TAPER_VOXELS = 3
_LOWEST = 4.0  # in waves over the shortest side: below, the mask tells more than the field
_LOWEST_PER_VOXEL = 0.25  # at most, so that thin slabs have shells, too
_NEXT_SHELL = 1.25
_FEWEST = 30  # frequencies of a shell on the cone, and as many beside it
_MEDIAN_OF_POWER = np.log(2.0)  # of an exponential distribution with mean 1
_TWO_ERRORS = 2 / _MEDIAN_OF_POWER  # of a median, over √n and in parts of it
_NOTHING = 2.0  # times as much on the cone as beside it: nothing is kept; once as much: all is


class _Shells(NamedTuple):
    """Powers of a field beside the cone and of what is no source's, with numbers [shells]."""

    per_mm: NDArray[np.float64]
    voxels: NDArray[np.float64]
    power: NDArray[np.float64]
    misfit: NDArray[np.float64]
    on_cone: NDArray[np.float64]


def noise_of_field(
    field_ppm: NDArray[np.floating], mask: NDArray[np.bool_], geometry: Geometry
) -> float:
    """Standard deviation of what no susceptibility can have made of a local field [ppm].

    Noise that is smooth over voxels, as after a filter or in images that were interpolated, is
    seen by where it has its power, down to waves of a quarter of the grid's shortest side; what
    else does not fit the model is read with it. A field without noise of two heads gives 0.5 and
    0.7 ppb, which are of edges within voxels. Never less than 0.05 ppb.

    Parameters
    ----------
    field_ppm
        Local field [Z, Y, X, ppm].
    mask
        Where it is known [Z, Y, X].
    geometry
        Their grid, which also says where B0 points.

    Raises
    ------
    ReconError
        If the mask is empty, or no shell of the grid has 30 frequencies on the cone.
    """
    if not mask.any():
        raise ReconError("strength: the mask is empty")
    shells = _shells(field_ppm, mask, geometry)
    if shells is None:
        raise ReconError(f"strength: a grid of {mask.shape} voxels is too small to show its noise")
    return max(_LEAST_PPM, float(np.sqrt(np.average(shells.misfit, weights=shells.voxels))))


def without_misfit(
    field_ppm: NDArray[np.floating], mask: NDArray[np.bool_], geometry: Geometry
) -> Real:
    """A field [Z, Y, X, ppm] without the slow parts that are no source's.

    Where frequencies on the cone have more power than those beside it, no χ can have made it: it
    is dimmed, and at twice as much, two errors of its median allowed for, nothing is kept. What is
    faster than where sources have their largest part is kept whole, and noise with it. A grid too
    small to tell keeps all.

    Parameters are those of `noise_of_field`.
    """
    field = np.where(mask, field_ppm, 0).astype(np.float32)
    shells = _shells(field, mask, geometry)
    if shells is None:
        return field
    sure = 1 - _TWO_ERRORS / np.sqrt(shells.on_cone)
    ratio = sure * shells.misfit / np.maximum(shells.power, np.finfo(float).tiny)
    ratio[0] = ratio[:2].max()  # the lowest shell is of tens of frequencies, beside the mask's own
    kept = (_NOTHING - ratio).clip(0, 1)
    kept[int(ratio.argmin()) :] = 1
    kept = np.minimum.accumulate(kept[::-1])[::-1]
    spectrum = rfftn(field, mask.shape)
    spectrum *= np.interp(_per_mm(geometry), shells.per_mm, kept).astype(np.float32)
    return np.where(mask, irfftn(spectrum, mask.shape), np.float32(0))


def _shells(
    field_ppm: NDArray[np.floating], mask: NDArray[np.bool_], geometry: Geometry
) -> _Shells | None:
    """Powers in shells of frequencies, and on the cone in them; None if these are too few."""
    deep = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1] / _TAPER_VOXELS
    window = (np.sin(np.pi / 2 * np.minimum(deep, 1)) ** 2).astype(np.float32)
    field = np.where(mask, field_ppm, 0).astype(np.float32)
    energy = float(np.vdot(window, window))
    level = np.float32(np.vdot(window, field) / window.sum(dtype=np.float64))
    power = np.abs(rfftn((field - level) * window, mask.shape)) ** 2 / energy
    dipole = dipole_kernel(geometry, mask.shape)
    smeared = _smeared(dipole**2, window / np.float32(np.sqrt(energy)))
    cone, beside = np.abs(dipole) < _CONE, np.abs(dipole) > _BESIDE
    per_mm = _per_mm(geometry)
    shortest = min(n * side for n, side in zip(mask.shape, geometry.voxel_mm, strict=True))
    lowest = min(_LOWEST / shortest, _LOWEST_PER_VOXEL / max(geometry.voxel_mm))
    numbers = np.floor(np.log(np.maximum(per_mm, 1e-9) / lowest) / np.log(_NEXT_SHELL))
    found: list[tuple[float, ...]] = []
    for number in range(int(numbers.max()) + 1):
        within = numbers == number
        on, off = within & cone, within & beside
        if min(np.count_nonzero(on), np.count_nonzero(off)) < _FEWEST:
            continue
        there, elsewhere = np.median(power[on]) / _MEDIAN_OF_POWER, power[off].mean()
        onto = smeared[on].mean() / smeared[off].mean()
        misfit = max(there - onto * elsewhere, 0.0) / (1 - onto)
        middle = lowest * _NEXT_SHELL ** (number + 0.5)
        counts = float(within.sum()), float(on.sum())
        found.append((middle, counts[0], float(elsewhere), float(misfit), counts[1]))
    return _Shells(*np.array(found, np.float64).T) if found else None


def _per_mm(geometry: Geometry) -> Real:
    """Length of each frequency of the half spectrum [Z, Y, X/2+1, 1/mm]."""
    sides = zip(geometry.shape, geometry.voxel_mm, strict=True)
    axes = [frequencies(n, half=a == 2) / side for a, (n, side) in enumerate(sides)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.sqrt(z**2 + y**2 + x**2).astype(np.float32)


def _smeared(power: Real, window: Real) -> Real:
    """A power spectrum as it appears through a window of unit energy, both as half spectra."""
    shape = window.shape
    through = np.abs(rfftn(window, shape)) ** 2
    seen = irfftn(power.astype(np.complex64), shape) * irfftn(through.astype(np.complex64), shape)
    return np.ascontiguousarray(rfftn(seen, shape).real)
