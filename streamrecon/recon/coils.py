"""Coil sensitivities from the centre of k-space: one set for all echoes, with a smooth phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from streamrecon.errors import ReconError
from streamrecon.fourier import fft, ifft
from streamrecon.recon._kernels import dominant_vectors, normalise_weights
from streamrecon.recon.assemble import CALIBRATION_MM
from streamrecon.recon.grid import Axis, Grid

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_MOST_CHANNELS = 12  # more are compressed while the eigenvectors are sought: cost grows as C²
_POWER_STEPS = 30  # second eigenvalue at 0.6 of the first: 0.6^30 < 1e-6
_NEAR, _FAR = 1.0, 5.0  # widths of the two averages, in cells of the calibration grid
_FLOOR = 1e-3  # of the brightest cell: below it the wide average speaks
_SMOOTHING_STEPS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivities:
    """Unit vectors over the coils on a coarse grid, read out slab by slab.

    Parameters
    ----------
    vectors
        [C, Zc, Yc, Xc], complex64, norm 1 over C.
    to_z, to_y, to_x
        Interpolation from the coarse grid to the image's voxels, each [n, nc].
    """

    vectors: Complex
    to_z: Real
    to_y: Real
    to_x: Real

    def at_y(self, index: int) -> Complex:
        """Conjugate weights of the slab ``y = index`` [C, Z, X], norm 1 over C."""
        return self._weights(np.tensordot(self.vectors, self.to_y[index], ((2,), (0,))), self.to_z)

    def at_z(self, index: int) -> Complex:
        """Conjugate weights of the slab ``z = index`` [C, Y, X], norm 1 over C."""
        return self._weights(np.tensordot(self.vectors, self.to_z[index], ((1,), (0,))), self.to_y)

    def _weights(self, coarse: Complex, to_rows: Real) -> Complex:
        weights: Complex = np.ascontiguousarray(to_rows @ coarse @ self.to_x.T, np.complex64)
        normalise_weights(weights)
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
    coarse = _coarse_images(calibration, grid)
    if not np.any(coarse):
        raise ReconError("coil sensitivities: the central lines of k-space hold no signal")
    basis = _strongest_channels(coarse)
    covariance = _local_covariance(np.tensordot(basis.conj().T, coarse, ((1,), (1,))))
    power = np.einsum("zyxaa->zyx", covariance).real
    vectors = _eigenvectors(covariance)
    vectors = _smooth_gauge(vectors, power)
    full: Complex = np.tensordot(basis, vectors, ((1,), (0,))).astype(np.complex64)
    _, n_z, n_y, n_x = full.shape
    return Sensitivities(
        full,
        np.eye(n_z, dtype=np.float32) if grid.is_2d else _interpolation(grid.z, n_z),
        _interpolation(grid.y, n_y),
        cubic_interpolation(grid.x.n_image, n_x, n_x / grid.x.n_image),
    )


def _coarse_images(calibration: Complex, grid: Grid) -> Complex:
    """Low-resolution coil images of all echoes [E, C, Zc, Yc, Xc], apodised where they are cut."""
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


def _strongest_channels(coarse: Complex) -> Complex:
    """Orthonormal basis of the strongest virtual channels [C, K]."""
    samples = np.moveaxis(coarse, 1, 0).reshape(coarse.shape[1], -1)
    _, vectors = np.linalg.eigh(samples @ samples.conj().T)
    basis: Complex = vectors[:, ::-1][:, :_MOST_CHANNELS].astype(np.complex64)
    return basis


def _local_covariance(coarse: Complex) -> Complex:
    """Covariance of the channels around each cell [Z, Y, X, K, K] of [K, E, Z, Y, X]."""
    products: Complex = np.einsum("aezyx,bezyx->zyxab", coarse, coarse.conj(), optimize=True)
    near, far = (_average(products, width) for width in (_NEAR, _FAR))
    power, wide = (np.einsum("zyxaa->zyx", part).real for part in (near, far))
    floor = min(float(np.percentile(power, 5)), _FLOOR * float(power.max()))
    share = floor / np.maximum(wide, np.finfo(np.float32).tiny)
    covariance: Complex = near + far * share[..., None, None].astype(np.float32)
    return covariance


def _average(products: Complex, width: float) -> Complex:
    sigma = [width if n > 1 else 0.0 for n in products.shape[:3]] + [0.0, 0.0]
    smooth = np.empty_like(products)
    smooth.real = gaussian_filter(products.real, sigma, mode="nearest", truncate=3)
    smooth.imag = gaussian_filter(products.imag, sigma, mode="nearest", truncate=3)
    return smooth


def _eigenvectors(covariance: Complex) -> Complex:
    """Dominant unit vectors [K, Z, Y, X]."""
    shape, n = covariance.shape[:3], covariance.shape[-1]
    flat = np.ascontiguousarray(covariance.reshape(-1, n, n))
    start = np.linalg.eigh(flat.sum(axis=0))[1][:, -1].astype(np.complex64)
    return np.ascontiguousarray(dominant_vectors(flat, start, _POWER_STEPS).T.reshape(n, *shape))


def _smooth_gauge(vectors: Complex, power: Real) -> Complex:
    """Vectors with phases chosen so that neighbours agree as well as they can."""
    phasors = _carry_phase(vectors, power)
    for _ in range(_SMOOTHING_STEPS):
        aligned = vectors * phasors
        pull = np.zeros_like(aligned)
        for axis in (1, 2, 3):
            there, here = _neighbours(axis)
            weight = np.sqrt(power[there[1:]] * power[here[1:]])
            pull[here] += weight * aligned[there]
            pull[there] += weight * aligned[here]
        overlap = (vectors.conj() * pull).sum(axis=0)
        size = np.abs(overlap)
        phasors = np.where(size > 0, overlap / np.maximum(size, 1e-30), phasors)
    return vectors * phasors.astype(np.complex64)


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Indices of all pairs of neighbours along an axis of [K, Z, Y, X]."""
    there, here = [slice(None)] * 4, [slice(None)] * 4
    there[axis], here[axis] = slice(1, None), slice(None, -1)
    return tuple(there), tuple(here)


def _carry_phase(vectors: Complex, power: Real) -> Complex:
    """Phasors that align each cell with its parent in the tree of strongest connections."""
    shape, n = power.shape, power.size
    cells = np.arange(n).reshape(shape)
    rows, columns, strength = [], [], []
    for axis in (1, 2, 3):
        there, here = _neighbours(axis)
        overlap = np.abs((vectors[there].conj() * vectors[here]).sum(axis=0))
        strength.append((overlap * np.sqrt(power[there[1:]] * power[here[1:]])).ravel())
        rows.append(cells[here[1:]].ravel())
        columns.append(cells[there[1:]].ravel())
    weight = np.concatenate(strength)
    cost = 2.0 - weight / max(float(weight.max(initial=0.0)), 1e-30)  # positive, strongest least
    ends = (np.concatenate(rows), np.concatenate(columns))
    tree = minimum_spanning_tree(coo_array((cost, ends), shape=(n, n)).tocsr())
    order, parent = breadth_first_order(tree, int(power.argmax()), directed=False)
    parent[order[0]] = order[0]
    flat = vectors.reshape(len(vectors), n)
    turn = np.angle((flat.conj() * flat[:, parent]).sum(axis=0))
    phase = np.zeros(n)
    for cell in order[1:].tolist():
        phase[cell] = phase[parent[cell]] + turn[cell]
    return np.asarray(np.exp(1j * phase).reshape(shape), np.complex64)


def _interpolation(axis: Axis, n_coarse: int) -> Real:
    """Cubic interpolation [n_image, n_coarse] between grids whose centres are n // 2."""
    step = axis.voxel_mm / (axis.fov_mm / n_coarse)
    return cubic_interpolation(axis.n_image, n_coarse, step)


def cubic_interpolation(n_fine: int, n_coarse: int, step: float) -> Real:
    """Matrix [n_fine, n_coarse] of Keys' cubic convolution; edges are held.

    Both grids have their centre at ``n // 2``; ``step`` is the fine spacing in coarse cells.

    References
    ----------
    Keys (1981) IEEE Trans Acoust 29:1153. doi:10.1109/TASSP.1981.1163711
    """
    at = (np.arange(n_fine) - n_fine // 2) * step + n_coarse // 2
    base = np.floor(at).astype(int)
    matrix = np.zeros((n_fine, n_coarse), np.float32)
    for offset in (-1, 0, 1, 2):
        cell = base + offset
        weight = _keys(np.abs(at - cell))
        np.add.at(matrix, (np.arange(n_fine), np.clip(cell, 0, n_coarse - 1)), weight)
    return matrix


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
