"""Estimates the part of k-space that a partial scan leaves out from the part opposite (POCS)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.fourier import fft, ifft
from streamrecon.model.geometry import Geometry

Complex = NDArray[np.complex64]
Flags = NDArray[np.bool_]
Range = tuple[float, float]

_SYMMETRIC_STEPS = 1.5  # an even number of lines has one more on one side


class _Regions(NamedTuple):
    """Parts of k-space [Z, Y, X], with length 1 along the axes measured in full."""

    axes: tuple[int, ...]
    measured: Flags
    opposite: Flags  # not measured, but the other side of the centre is
    symmetric: Flags


def partial_axes(k_range_per_mm: Sequence[Range], geometry: Geometry) -> tuple[int, ...]:
    """Axes (0 z, 1 y, 2 x) of which one side of k-space is measured further than the other.

    >>> grid = Geometry((1, 8, 8), (2.0, 1.0, 1.0), np.eye(3)[::-1])
    >>> partial_axes([(0.0, 0.0), (-0.25, 0.5), (-0.5, 0.5)], grid)
    (1,)
    """
    steps = [1 / (n * size) for n, size in zip(geometry.shape, geometry.voxel_mm, strict=True)]
    return tuple(
        axis
        for axis, ((low, high), step) in enumerate(zip(k_range_per_mm, steps, strict=True))
        if abs(low + high) > _SYMMETRIC_STEPS * step
    )


def fill_by_pocs(
    images: Complex,
    k_range_per_mm: Sequence[Range],
    geometry: Geometry,
    *,
    iterations: int = 2,
) -> Complex:
    r"""Images whose unmeasured half-sides of k-space follow from a smooth phase.

    .. math:: m \leftarrow F^{-1}\,[\,\text{measured} : d, \;\;\text{else} : F(|m| e^{i\varphi})\,]

    φ is the phase of the part of k-space measured on both sides. Measured samples stay as they
    are (projection onto convex sets).

    One side of k-space cannot tell detail of magnitude from detail of phase. Zero-filling halves
    both and lets each leak into the other; POCS takes all of it for magnitude. So it sharpens
    edges and *loses local phase*: on the simulated head with 6/8 of the lines the error of phase
    grows (docs/explanation/acquisitions.md has the figures and their script). More iterations lose
    more. For susceptibility leave the images zero-filled, or take from here the magnitude only,
    `with_phase_of`.

    Coils may be combined before or after: the difference is below 1 % of the error itself.

    Cost: 2 · iterations + 1 FFTs along the partial axes; three volumes of one echo.

    Parameters
    ----------
    images
        Combined complex images [E, Z, Y, X], zero-filled.
    k_range_per_mm
        Measured range of k along z, y and x [cycles/mm].
    geometry
        Grid of the images.
    iterations
        How often the phase is imposed.

    Returns
    -------
        Images [E, Z, Y, X]; ``images`` itself where all axes are measured on both sides.

    References
    ----------
    Haacke et al. (1991) J Magn Reson 92:126. doi:10.1016/0022-2364(91)90253-P
    """
    axes = partial_axes(k_range_per_mm, geometry)
    if not axes:
        return images
    regions = _regions(k_range_per_mm, geometry, axes)
    filled = np.empty_like(images)
    for echo, image in enumerate(images):
        filled[echo] = _filled(image, regions, iterations)
    return filled


def with_phase_of(measured: Complex, sharp: Complex) -> Complex:
    """Magnitude of ``sharp`` with the phase of ``measured``, both of one shape."""
    size = np.maximum(np.abs(measured), np.finfo(np.float32).tiny)
    combined: Complex = measured * (np.abs(sharp) / size)
    return combined


def _filled(image: Complex, regions: _Regions, iterations: int) -> Complex:
    axes, measured, opposite, symmetric = regions
    data = fft(image, axes)
    smooth = ifft(data * symmetric, axes)
    phasor = smooth / np.maximum(np.abs(smooth), np.finfo(np.float32).tiny)
    data *= measured
    for _ in range(iterations):
        estimate = fft((np.abs(image) * phasor).astype(np.complex64, copy=False), axes)
        image = ifft(data + estimate * opposite, axes)
    return image


def _regions(
    k_range_per_mm: Sequence[Range], geometry: Geometry, axes: tuple[int, ...]
) -> _Regions:
    measured = inside = symmetric = np.ones((1, 1, 1), bool)
    for axis in axes:
        n, (low, high) = geometry.shape[axis], k_range_per_mm[axis]
        k = (np.arange(n) - n // 2) / (n * geometry.voxel_mm[axis])
        k = k.reshape([-1 if each == axis else 1 for each in range(3)])
        measured = measured & (k >= low) & (k <= high)
        inside = inside & (np.abs(k) <= max(-low, high))
        symmetric = symmetric & (np.abs(k) <= min(-low, high))
    return _Regions(axes, measured, inside & ~measured, symmetric)
