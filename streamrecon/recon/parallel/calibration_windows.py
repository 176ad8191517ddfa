"""Divides calibration lines into cells along X, and windows to learn kernels in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.fourier import fft, ifft
from streamrecon.recon.kspace.encoding_grid import Grid

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_CELL_MM, _STEP_MM = 4.0, 12.0  # along X: from sample to sample, from window to window
_MOST_LINES = 32  # of the calibration that are used along each axis


def cells_along_x(calibration: Complex, grid: Grid) -> Complex:
    """Central lines in cells of about 4 mm along X [Xc, Zc, E, Yc, C], from [E, C, Zc, Yc, X].

    At most 32 lines along each encoded axis; all slices of a two-dimensional scan.
    """
    z, y = (
        slice(0, n)
        if is_dense
        else slice(max(0, n // 2 - _MOST_LINES // 2), n // 2 + _MOST_LINES // 2)
        for n, is_dense in zip(calibration.shape[2:4], (grid.is_2d, False), strict=True)
    )
    spectrum = fft(calibration[:, :, z, y], (4,))
    n_x = spectrum.shape[4]
    count = min(n_x, max(1, round(n_x * grid.x.voxel_mm / _CELL_MM)))
    start = n_x // 2 - count // 2
    cells = ifft(np.ascontiguousarray(spectrum[..., start : start + count]), (4,))
    return np.ascontiguousarray(cells.transpose(4, 2, 0, 3, 1))


def window_weights(n_cells: int, grid: Grid, width_mm: float) -> Real:
    """Weight of each cell in each window, [windows, cells]: 12 mm apart, of a width (sigma)."""
    fov_mm = grid.x.n_image * grid.x.voxel_mm
    n_places = min(n_cells, max(1, round(fov_mm / _STEP_MM)))
    cells = (np.arange(n_cells) - n_cells // 2) / n_cells
    places = (np.arange(n_places) - n_places // 2) / n_places
    apart = (places[:, None] - cells) * fov_mm / width_mm
    return np.exp(-(apart**2) / 2).astype(np.float32)
