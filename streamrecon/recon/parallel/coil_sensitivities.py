"""Estimates coil sensitivities from the centre of k-space: one smooth set for all echoes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from streamrecon.errors import ReconError
from streamrecon.fourier import fft, ifft
from streamrecon.recon._kernels import dominant_vectors, interpolate_weights
from streamrecon.recon.kspace.calibration_lines import CALIBRATION_MM
from streamrecon.recon.kspace.encoding_grid import Axis, Grid
from streamrecon.recon.parallel.sensitivity_phase import align_phase

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]
Cells = TypeVar("Cells", Complex, Real)

_MOST_CHANNELS = 12  # more are compressed while the eigenvectors are sought: cost grows as C²
_POWER_STEPS = 30  # second eigenvalue at 0.6 of the first: 0.6^30 < 1e-6
NEAR, FAR = 1.0, 5.0  # widths of the two averages, in cells of the calibration grid
_FLOOR = 1e-3  # of the brightest cell: below it the wide average speaks


class Taps(NamedTuple):
    """Interpolation along one axis: each voxel's four coarse cells and their weights, [n, 4]."""

    cells: NDArray[np.int64]
    weights: Real


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivities:
    """Unit vectors over the coils on a grid that is coarse along Z and Y, read out slab by slab.

    Parameters
    ----------
    vectors
        [C, Zc, Yc, X], complex64.
    to_z, to_y
        From the coarse grid to the image's voxels.
    """

    vectors: Complex
    to_z: Taps
    to_y: Taps

    def at_y(self, index: int) -> Complex:
        """Conjugate weights of the slab ``y = index`` [C, Z, X], norm 1 over C."""
        return _weights(slab_between(self.vectors, 2, self.to_y, index), self.to_z)

    def at_z(self, index: int) -> Complex:
        """Conjugate weights of the slab ``z = index`` [C, Y, X], norm 1 over C."""
        return _weights(slab_between(self.vectors, 1, self.to_z, index), self.to_y)


def slab_between(values: Complex, axis: int, taps: Taps, index: int) -> Complex:
    """Slab of ``values`` on a coarse grid at a voxel's place ``index`` along ``axis``.

    >>> taps = Taps(np.array([[0, 1, 2, 2]]), np.array([[0.0, 0.5, 0.5, 0.0]], np.float32))
    >>> slab_between(np.array([[1, 2, 4j], [3, 5, 7]], np.complex64), 1, taps, 0)
    array([1.+2.j, 6.+0.j], dtype=complex64)
    """
    slab = np.zeros_like(values.take(0, axis))
    for cell, weight in zip(taps.cells[index], taps.weights[index], strict=True):
        slab += values.take(cell, axis) * weight
    return slab


def _weights(coarse: Complex, to_rows: Taps) -> Complex:
    n_coils, _, n_x = coarse.shape
    weights = np.empty((n_coils, len(to_rows.cells), n_x), np.complex64)
    interpolate_weights(coarse.view(np.float32), *to_rows, weights.view(np.float32))
    return weights


def estimate_sensitivities(calibration: Complex, grid: Grid) -> Sensitivities:
    r"""Coil sensitivities as local dominant eigenvectors, in a gauge without singularities.

    At each cell of the calibration grid (8 mm) the coils' covariance, summed over echoes and
    neighbours, is dominated by :math:`s s^H`; the echoes' own phases cancel in it, so that all
    echoes share one set. Where there is no signal a wider average takes over.
    An eigenvector has a free phase: it is carried from cell to cell along the strongest
    connections and then smoothed, so that it turns as little as the coils allow. A common
    reference coil would have zeros, and a fringe line would end at each.

    The norm is 1 over whitened channels: the combination is that of best SNR, its magnitude
    carries the coils' root sum of squares, and its phase an unknown smooth offset common to all
    echoes. Detail of the sensitivities below 16 mm is not seen.

    Parameters
    ----------
    calibration
        Central lines [E, C, Zc, Yc, X] as the assembler keeps them: an image along X, in k-space
        along Y and Z, all slices of a two-dimensional scan on Z.
    grid
        The axes of the whole volume.

    Raises
    ------
    ReconError
        If the central lines hold no signal.

    References
    ----------
    Walsh et al. (2000) Magn Reson Med 43:682.
    doi:10.1002/(SICI)1522-2594(200005)43:5<682::AID-MRM10>3.0.CO;2-G
    """
    coarse = coarse_images(calibration, grid)
    basis = strongest_channels(coarse)
    covariance = local_covariance(np.tensordot(basis.conj().T, coarse, ((1,), (1,))))
    return sensitivities_of(covariance, basis, grid)


def sensitivities_of(covariance: Complex, basis: Complex, grid: Grid) -> Sensitivities:
    """Dominant vectors of cells that cover the field of view, in a smooth gauge, for all voxels.

    Parameters
    ----------
    covariance
        Of virtual channels at each cell [Zc, Yc, Xc, K, K]; its trace is how much a cell counts.
        All slices of a two-dimensional scan on Z.
    basis
        The virtual channels [C, K].
    grid
        The axes.
    """
    power = np.einsum("zyxaa->zyx", covariance).real
    vectors = align_phase(_dominant_eigenvectors(covariance), power)
    full: Complex = np.tensordot(basis, vectors, ((1,), (0,))).astype(np.complex64)
    _, n_z, n_y, n_x = full.shape
    along_x = cubic_taps(grid.x.n_image, n_x, n_x / grid.x.n_image)
    return Sensitivities(
        np.einsum("czynk,nk->czyn", full[..., along_x.cells], along_x.weights, order="C"),
        cubic_taps(n_z, n_z, 1.0) if grid.is_2d else _taps(grid.z, n_z),
        _taps(grid.y, n_y),
    )


def coarse_images(calibration: Complex, grid: Grid) -> Complex:
    """Low-resolution coil images of all echoes [E, C, Zc, Yc, Xc], apodised where they are cut.

    Raises
    ------
    ReconError
        If the central lines hold no signal.
    """
    if not np.any(calibration):
        raise ReconError("coil sensitivities: the central lines of k-space hold no signal")
    spectrum = fft(calibration, (4,))
    n_x = spectrum.shape[4]
    count = min(n_x, max(1, round(n_x * grid.x.voxel_mm / CALIBRATION_MM)))
    start = n_x // 2 - count // 2
    spectrum = spectrum[..., start : start + count]
    for axis, n_lines in ((2, grid.z_lines), (3, grid.y.n_encoded), (4, n_x)):
        if spectrum.shape[axis] < n_lines:  # cut out of a larger k-space: it would ring
            taper = _taper(spectrum.shape[axis])
            spectrum = spectrum * taper.reshape(-1, *[1] * (4 - axis))
    return ifft(spectrum.astype(np.complex64), (3, 4) if grid.is_2d else (2, 3, 4))


def _taper(n: int) -> Real:
    k = np.arange(n) - n // 2
    return (0.5 + 0.5 * np.cos(2 * np.pi * k / (n + 1))).astype(np.float32)


def strongest_channels(coarse: Complex) -> Complex:
    """Orthonormal basis of the strongest virtual channels [C, K]."""
    samples = np.moveaxis(coarse, 1, 0).reshape(coarse.shape[1], -1)
    _, vectors = np.linalg.eigh(samples @ samples.conj().T)
    basis: Complex = vectors[:, ::-1][:, :_MOST_CHANNELS].astype(np.complex64)
    return basis


def local_covariance(coarse: Complex) -> Complex:
    """Covariance of the channels around each cell [Z, Y, X, K, K] of [K, E, Z, Y, X]."""
    products: Complex = np.einsum("aezyx,bezyx->zyxab", coarse, coarse.conj(), optimize=True)
    return carried_on(average_of_cells(products, NEAR), average_of_cells(products, FAR))


def carried_on(near: Complex, far: Complex) -> Complex:
    """Covariances ``near`` a cell [Z, Y, X, K, K]; where they are weak those ``far`` around it."""
    power, wide = (np.einsum("zyxaa->zyx", part).real for part in (near, far))
    floor = min(float(np.percentile(power, 5)), _FLOOR * float(power.max()))
    weight = floor / np.maximum(wide, np.finfo(np.float32).tiny)
    covariance: Complex = near + far * weight[..., None, None].astype(np.float32)
    return covariance


def signal_power(coarse: Complex) -> Real:
    """Power of all channels around each cell [E, Z, Y, X] of [E, C, Z, Y, X]."""
    power = (np.square(coarse.real) + np.square(coarse.imag)).sum(axis=1)
    near = [NEAR if n > 1 else 0.0 for n in power.shape[1:]]
    smooth: Real = gaussian_filter(power, (0.0, *near), mode="nearest", truncate=3)
    return smooth


def average_of_cells(products: Complex, width: float) -> Complex:
    """Gaussian average [Z, Y, X, K, K] over cells, ``width`` of them (sigma): three products."""
    n_z, n_y, n_x = products.shape[:3]
    smooth: Real = np.ascontiguousarray(products, np.complex64).view(np.float32)
    smooth = _averaging(n_z, width) @ smooth.reshape(n_z, -1)
    smooth = _averaging(n_y, width) @ smooth.reshape(n_z, n_y, -1)
    smooth = _averaging(n_x, width) @ smooth.reshape(n_z * n_y, n_x, -1)
    return smooth.reshape(*products.shape[:-1], -1).view(np.complex64)


def _averaging(n: int, width: float) -> Real:
    """Weights of each of ``n`` cells in a row in the average around each."""
    if n == 1:
        return np.ones((1, 1), np.float32)
    each = np.eye(n, dtype=np.float32)
    return gaussian_filter1d(each, width, axis=0, mode="nearest", truncate=3)


def _dominant_eigenvectors(covariance: Complex) -> Complex:
    """Dominant unit vectors [K, Z, Y, X]."""
    shape, n = covariance.shape[:3], covariance.shape[-1]
    flat = np.ascontiguousarray(covariance.reshape(-1, n, n))
    start = np.linalg.eigh(flat.sum(axis=0))[1][:, -1].astype(np.complex64)
    return np.ascontiguousarray(dominant_vectors(flat, start, _POWER_STEPS).T.reshape(n, *shape))


def _taps(axis: Axis, n_coarse: int) -> Taps:
    return cubic_taps(axis.n_image, n_coarse, axis.voxel_mm / (axis.fov_mm / n_coarse))


def cubic_taps(n_fine: int, n_coarse: int, step: float) -> Taps:
    """Keys' cubic convolution between two grids with their centres at ``n // 2``; edges are held.

    ``step`` is the fine spacing in coarse cells.

    References
    ----------
    Keys (1981) IEEE Trans Acoust 29:1153. doi:10.1109/TASSP.1981.1163711
    """
    at = (np.arange(n_fine) - n_fine // 2) * step + n_coarse // 2
    cells = np.floor(at).astype(np.int64)[:, None] + np.arange(-1, 3)
    weights = _keys(np.abs(at[:, None] - cells)).astype(np.float32)
    return Taps(cells.clip(0, n_coarse - 1), weights)


def between_cells(values: Cells, taps: tuple[Taps, Taps, Taps]) -> Cells:
    """Values [..., Z, Y, X] at places between their cells, by taps along Z, Y and X."""
    for axis, (cells, weights) in enumerate(taps, values.ndim - 3):
        picked = values.take(cells, axis)  # the four cells follow the axis
        ours = weights.reshape(*weights.shape, *[1] * (values.ndim - 1 - axis))
        values = (picked * ours).sum(axis=axis + 1)
    return values


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
