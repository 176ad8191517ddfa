r"""The field that susceptibility makes: the unit dipole in k-space, on a padded grid of any slab.

Here are the grids, padded and halved, and the kernels of their periodic convolutions, too.

.. math:: \hat f(k) = D(k)\,\hat\chi(k), \quad D(k) = 1/3 - (k \cdot b)^2 / |k|^2

with ``b`` the direction of B0 along the voxel axes. Data are never rotated: ``b`` is. Kernels have
the layout of `streamrecon.fourier.rfftn`: origin at index 0, half of the last axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.fft_plans import RealPlan, fast_length
from streamrecon.machine.threads import at_once
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm._kernels import double, voxel_dipole

Real = NDArray[np.float32]

PADDING = 1.25
"""Room around the grid, as a fraction of its longest side; 2.3 % of a head's field wraps round."""

_NO_EDGES = 3


def padded_shape(geometry: Geometry, padding: float = PADDING) -> Shape:
    """Grid to convolve on: every axis grows by ``padding - 1`` times the longest side in mm.

    A thin slab so gets as much room above it as beside it; the shape is one that FFTW likes.

    >>> padded_shape(Geometry((16, 100, 100), (3.0, 1.0, 1.0), np.eye(3)[::-1]), 1.25)
    (26, 126, 126)
    """
    gap_mm = (padding - 1) * max(
        n * voxel for n, voxel in zip(geometry.shape, geometry.voxel_mm, strict=True)
    )
    z, y, x = (
        fast_length(int(np.ceil(n + gap_mm / voxel)))
        for n, voxel in zip(geometry.shape, geometry.voxel_mm, strict=True)
    )
    return z, y, x


def with_surroundings(
    mask: NDArray[np.bool_], geometry: Geometry, shape: Shape, distance_mm: float
) -> NDArray[np.bool_]:
    """The mask and all that is no farther from it than a distance, on a padded, periodic grid.

    Fluid, dura and bone lie around a brain: outer sources are weak there. Sources that touch the
    mask can explain any field that sources inside make; those a few mm away cannot. A removal of
    background, or an inversion, that is free to fill this layer takes or loses what it need not.

    In bytes: a table of distances would be the largest array of an inversion.

    Parameters
    ----------
    mask
        [Z, Y, X].
    geometry
        Its grid.
    shape
        Padded grid, whose first corner the mask lies in.
    distance_mm
        Between centres of voxels [mm]; 0: the mask alone.
    """
    wide = np.zeros(shape, np.bool_)
    wide[tuple(slice(n) for n in mask.shape)] = mask
    z_mm, y_mm, x_mm = geometry.voxel_mm
    rows = [wide]  # grown along x by 0, 1, 2 … voxels
    for x in range(1, int(distance_mm / x_mm) + 1):
        rows.append(rows[-1] | np.roll(wide, x, 2) | np.roll(wide, -x, 2))
    found = rows[-1].copy()
    for z, y in np.ndindex(int(distance_mm / z_mm) + 1, int(distance_mm / y_mm) + 1):
        squared = distance_mm**2 - (z * z_mm) ** 2 - (y * y_mm) ** 2
        if squared < 0:
            continue
        row = rows[int(np.sqrt(squared) / x_mm)]
        for way in {(z, y), (z, -y), (-z, y), (-z, -y)} - {(0, 0)}:
            found |= np.roll(row, way, (0, 1))
    return found


def halved(values: Real) -> Real:
    """Averages over two voxels on each axis; a last one without a partner counts twice.

    >>> halved(np.arange(6, dtype=np.float32).reshape(1, 2, 3))
    array([[[2. , 3.5]]], dtype=float32)
    """
    for axis in range(values.ndim):
        ahead = (slice(None),) * axis
        first, second = values[(*ahead, slice(0, None, 2))], values[(*ahead, slice(1, None, 2))]
        mean = first.copy()
        mean[(*ahead, slice(0, second.shape[axis]))] += second
        mean[(*ahead, slice(0, second.shape[axis]))] *= np.float32(0.5)
        values = mean
    return values


def carry(coarse: Real, fine: Real, *, edges: int = _NO_EDGES) -> None:
    """Fill ``fine`` [2Z, 2Y, 2X] with ``coarse`` [Z, Y, X], linear and periodic.

    ``edges`` is the axis along which values sit between a voxel and the next, as gradients do.
    """
    at_once(lambda z: double(coarse, edges, fine, z.start, z.stop), len(fine))


def frequencies(n: int, *, half: bool) -> NDArray[np.float64]:
    """Frequencies of a transform of length ``n``, or its non-negative half [1/voxel].

    >>> frequencies(5, half=False)
    array([ 0. ,  0.2,  0.4, -0.4, -0.2])
    """
    index = np.arange(n)
    return index[: n // 2 + 1] / n if half else np.where(index > n // 2, index - n, index) / n


def dipole_kernel(geometry: Geometry, shape: Sequence[int] | None = None) -> Real:
    r"""Unit dipole on the half spectrum of ``shape`` (that of the geometry when not given).

    .. math:: D_v(k) = \sum_m w(k+m)\,D(k+m) \Big/ \sum_m w(k+m),
              \quad w(k) = \prod_i \operatorname{sinc}^2 k_i

    over the two nearest aliases on each axis: the field of a voxel filled evenly, averaged over a
    voxel. It equals D(k) at low frequencies. The bare D jumps across the edge of k-space where B0
    is oblique, and rings: 3-5 % of the surface field two voxels away from a sphere, against 0.6 %.
    D(0) = 0: the mean of the field says nothing about the mean of χ.

    References
    ----------
    Salomir et al. (2003) Concepts Magn Reson B 19:26. doi:10.1002/cmr.b.10083
    Marques and Bowtell (2005) Concepts Magn Reson B 25:65. doi:10.1002/cmr.b.20034
    """
    full = tuple(shape) if shape is not None else geometry.shape
    along, squared, weights = np.zeros((3, 3, 2, max(full)))
    for axis, (n, voxel, b) in enumerate(
        zip(full, geometry.voxel_mm, geometry.b0_axis(), strict=True)
    ):
        k = frequencies(n, half=axis == 2)
        aliases = np.stack([k, k - np.where(k >= 0, 1.0, -1.0)])
        weight = np.sinc(aliases) ** 2
        weights[axis, :, : k.size] = weight / weight.sum(axis=0)
        along[axis, :, : k.size] = b * aliases / voxel
        squared[axis, :, : k.size] = (aliases / voxel) ** 2
    kernel = np.empty((*full[:2], full[2] // 2 + 1), np.float32)
    at_once(lambda z: voxel_dipole(along, squared, weights, kernel, z.start, z.stop), full[0])
    kernel[0, 0, 0] = 0.0
    return kernel


def laplacian_kernel(geometry: Geometry, shape: Shape) -> Real:
    """Spectrum of ∇ᵀ∇ for forward differences, half last axis [1/mm²]."""
    total = np.zeros((1, 1, 1))
    for axis, (n, voxel) in enumerate(zip(shape, geometry.voxel_mm, strict=True)):
        wave = (2 - 2 * np.cos(2 * np.pi * frequencies(n, half=axis == 2))) / voxel**2
        total = total + wave.reshape([-1 if a == axis else 1 for a in range(3)])
    return total.astype(np.float32)


class Convolution:
    """Periodic convolution with a real, symmetric kernel on the half spectrum; its own adjoint.

    Belongs to one thread at a time.
    """

    def __init__(self, kernel: Real, shape: tuple[int, ...]) -> None:
        self._plan = RealPlan(shape)
        self._kernel = (kernel / np.float32(np.prod(shape))).astype(np.float32, copy=False)

    def __call__(self, values: Real) -> Real:
        """The values convolved."""
        self._plan.real[...] = values
        return self.filled().copy()

    @property
    def room(self) -> Real:
        """Where `filled` takes its values from, and leaves them."""
        return self._plan.real

    def filled(self) -> Real:
        """What `room` was filled with, convolved, in its place."""
        spectrum, kernel = self._plan.forward(), self._kernel

        def multiply(z: range) -> None:
            of = slice(z.start, z.stop)
            np.multiply(spectrum[of], kernel[of], out=spectrum[of])

        at_once(multiply, len(spectrum))
        return self._plan.inverse()


def field_from_chi(
    chi_ppm: NDArray[np.floating], geometry: Geometry, *, padding: float = 2.0
) -> Real:
    """Relative field of a susceptibility map in a medium of χ = 0, [Z, Y, X, ppm].

    Two real transforms of the padded grid. What lies outside the array counts as χ = 0; copies of
    the sources come round the edges: in a head an error of 2.3 % of the field's spread at 1.25-fold
    padding, 8 % at the worst voxel; 0.2 % and 0.7 % at 2-fold.

    Parameters
    ----------
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    geometry
        Its grid, which also says where B0 points.
    padding
        Room around the grid, see `padded_shape`; 1 means periodic.
    """
    shape = padded_shape(geometry, padding) if padding > 1 else geometry.shape
    crop = tuple(slice(n) for n in geometry.shape)
    plan = RealPlan(shape)  # not one that is kept: of a map's stages two ask for it, far apart
    plan.real[...] = 0
    plan.real[crop] = chi_ppm
    plan.forward()
    plan.spectrum *= dipole_kernel(geometry, shape)
    return plan.inverse()[crop] * np.float32(1 / np.prod(shape))
