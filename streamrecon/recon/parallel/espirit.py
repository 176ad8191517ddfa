"""ESPIRiT: sensitivities as eigenvectors of the calibration's reproducing kernel."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import cherk

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.recon.kspace.encoding_grid import Grid
from streamrecon.recon.parallel.calibration_windows import cells_along_x, window_weights
from streamrecon.recon.parallel.coil_sensitivities import (
    FAR,
    Sensitivities,
    average_of_cells,
    between_cells,
    carried_on,
    coarse_images,
    cubic_taps,
    sensitivities_of,
    signal_power,
    strongest_channels,
)

Complex = NDArray[np.complex64]

_WIDTH = 5  # lines of a block; 6 finds the same vectors and costs twice as much
_LEAST_LINES = 4  # along Y: two blocks of two
_CELL_MM = 8.0  # along Y and Z; along X the windows' distance
_ABOVE_NOISE = 6.0  # times the median of the weakest quarter: components that are signal
_ABOVE_ZERO = 1e-4  # of the strongest component: where there is no noise
_SQUARINGS = 8  # 256th power: of an eigenvalue of 0.99 a twelfth is left
_WINDOW_MM = 3.0  # along X (sigma); vectors are means over it


def sensitivities_by_espirit(calibration: Complex, grid: Grid) -> Sensitivities:
    r"""Coil sensitivities from the null space of calibration lines, in a smooth gauge.

    Blocks of 5 × 5 neighbouring lines of all channels (fewer where few lines are there), one at
    each place of the calibration, span far fewer dimensions than they have samples; P projects on
    those above the noise. A voxel at r with sensitivities s contributes
    :math:`s_c e^{-2\pi i \delta r}`, which P leaves as it is:

    .. math:: W_{cc'}(r) = \frac{1}{|\Delta|} \sum_{\delta, \delta'} P_{c\delta, c'\delta'}
              e^{2\pi i (\delta - \delta') r}, \qquad W(r) s(r) = s(r)

    s is the eigenvector of eigenvalue 1. It holds for voxels as they are, not for averages over
    8 mm as in `estimate_sensitivities`, so that voxels which fold onto each other part better. W
    is worked out in windows of 3 mm (sigma), 12 mm apart along X, and on cells of 8 mm along Y
    and Z. Its 256th power, weighted by the signal, takes the place of a covariance: what is no
    eigenvalue of 1 fades, and where there is no signal a wider average takes over.

    One set for all echoes. The norm is 1, phase and magnitude mean what they mean in
    `estimate_sensitivities`. A second eigenvalue of 1, as a field of view smaller than the object
    makes it, is not used: there the two parts are mixed, and SENSE leaves an alias.

    Parameters
    ----------
    calibration
        Central lines [E, C, Zc, Yc, X], an image along X, k-space along Y and Z; slices of a
        two-dimensional scan on Z.
    grid
        The axes of the whole volume.

    Raises
    ------
    ReconError
        If the central lines hold no signal, or are fewer than four along Y.

    Notes
    -----
    An eigenproblem of 25·K unknowns at each of about 16 windows, for K ≤ 12 virtual channels:
    about a second.

    References
    ----------
    Uecker et al. (2014) Magn Reson Med 71:990. doi:10.1002/mrm.24751
    """
    coarse = coarse_images(calibration, grid)
    basis = strongest_channels(coarse)
    lines = np.ascontiguousarray(cells_along_x(calibration, grid) @ basis.conj())
    if grid.is_2d:
        slices = [_reproducing(lines[:, z : z + 1], grid) for z in range(lines.shape[1])]
        kept = np.concatenate(slices)
    else:
        kept = _reproducing(lines, grid)
    power = signal_power(coarse).sum(axis=0)
    z, y, x = (
        cubic_taps(fine, have, have / fine)
        for fine, have in zip(kept.shape[:3], power.shape, strict=True)
    )
    for _ in range(_SQUARINGS):
        kept = kept @ kept
    near = kept * between_cells(power, (z, y, x)).clip(min=0)[..., None, None]
    return sensitivities_of(carried_on(near, average_of_cells(near, FAR)), basis, grid)


def _reproducing(lines: Complex, grid: Grid) -> Complex:
    """What blocks of lines reproduce, W [Zc, Yc, Xk, K, K], of lines [Xc, Z, E, Y, K]."""
    n_cells, n_z, _, n_y, n_channels = lines.shape
    if n_y < _LEAST_LINES:
        raise ReconError(
            f"ESPIRiT: found {n_y} calibration lines along y, needed at least {_LEAST_LINES}"
        )
    width = (min(_WIDTH, max(1, n_z // 2)), min(_WIDTH, n_y // 2))  # half the lines: many blocks
    n_unknown = width[0] * width[1] * n_channels
    products = np.empty((n_cells, n_unknown, n_unknown), np.complex64)

    def multiply(cells: range) -> None:
        for cell in cells:
            products[cell] = _products(lines[cell], width)

    at_once(multiply, n_cells)
    windows = window_weights(n_cells, grid, _WINDOW_MM)
    windowed = np.einsum("pn,nab->pab", windows, products, optimize=True)
    kernels = _harmonics(grid, width)
    n_z, n_y = (len(along) for along in kernels)
    kept = np.empty((n_z, n_y, len(windows), n_channels, n_channels), np.complex64)
    at_once(partial(_project, windowed, width, kernels, kept), len(windows))
    return kept


def _products(block: Complex, width: tuple[int, int]) -> Complex:
    """Samples times conjugate samples over all blocks of lines [δ·K, δ·K], of [Z, E, Y, K]."""
    n_z, n_y = block.shape[0] - width[0] + 1, block.shape[2] - width[1] + 1
    blocks = np.concatenate(
        [
            block[z : z + n_z, :, y : y + n_y].reshape(-1, block.shape[3])
            for z in range(width[0])
            for y in range(width[1])
        ],
        axis=1,
    )
    lower = np.tril(cherk(1.0, blocks.T, lower=1))
    square: Complex = lower + np.tril(lower, -1).conj().T
    return square


def _harmonics(grid: Grid, width: tuple[int, int]) -> tuple[Complex, Complex]:
    """Phase of each cell for displacements 1 - width … width - 1 along Z and Y, [cells, lags]."""
    found = []
    for axis, lines in zip((grid.z, grid.y), width, strict=True):
        count = 1 if lines == 1 else max(2 * lines, round(axis.fov_mm / _CELL_MM))
        places = (np.arange(count) - count // 2) / count
        turns = np.outer(places, np.arange(1 - lines, lines))
        found.append(np.exp(-2j * np.pi * turns).astype(np.complex64))
    return found[0], found[1]


def _project(
    products: Complex,
    width: tuple[int, int],
    harmonics: tuple[Complex, Complex],
    kept: Complex,
    windows: range,
) -> None:
    """Fill W [Zc, Yc, Xk, K, K] at some windows from the products [Xk, δ·K, δ·K] there."""
    n_z, n_y = width
    n_channels = kept.shape[-1]
    for window in windows:
        power, vectors = np.linalg.eigh(products[window])
        noise = np.median(power[: len(power) // 4])
        signal = vectors[:, power > max(_ABOVE_ZERO * power[-1], _ABOVE_NOISE * noise)]
        projector = (signal @ signal.conj().T).reshape(n_z, n_y, n_channels, n_z, n_y, n_channels)
        lags = np.zeros((2 * n_z - 1, 2 * n_y - 1, n_channels, n_channels), np.complex64)
        for z in range(n_z):
            for y in range(n_y):
                ours = projector[z, y].transpose(1, 2, 0, 3)
                lags[n_z - 1 - z :][:n_z, n_y - 1 - y :][:, :n_y] += ours / np.float32(n_z * n_y)
        kept[:, :, window] = np.einsum("za,yb,abij->zyij", *harmonics, lags, optimize=True)
