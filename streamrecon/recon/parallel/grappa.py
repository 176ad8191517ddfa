"""GRAPPA: synthesizes missing lines from neighbours, with weights learnt from a calibration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg.blas import cherk

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.model.lattice import Lattice, Step
from streamrecon.recon.kspace.encoding_grid import Grid
from streamrecon.recon.parallel.calibration_windows import cells_along_x, window_weights
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities, cubic_taps
from streamrecon.recon.parallel.unmixing_weights import (
    CoarseAxis,
    Unmixing,
    coarse_axes,
    unit_vectors,
)

Complex = NDArray[np.complex64]

_SOURCES_IN_PLANE, _SOURCES_IN_VOLUME = 4, 12  # lines that one missing line is made of
_WINDOW_MM = 7.0  # along X (sigma)
_FLOOR = 1e-3  # of the brightest window: a window without signal is left to the ridge
_SENSITIVITY_TURNS = 2  # how often sensitivities turn over a field of view
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of missing line, and the taken lines around it as displacements (z, y)."""

    target: Step
    sources: tuple[Step, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """Weights from sources to targets, at some places along X.

    Parameters
    ----------
    patterns
        Kinds of missing lines.
    weights
        For each pattern [Zs, Xk, S, C, C]: slice, place along X, source line, source channel,
        target channel; one slice where partitions are encoded.
    lattice
        Lines that were taken.
    """

    patterns: tuple[Pattern, ...]
    weights: tuple[Complex, ...]
    lattice: Lattice

    @property
    def reach(self) -> Step:
        """Largest displacement (z, y)."""
        steps = [step for pattern in self.patterns for step in pattern.sources]
        return max(abs(z) for z, _ in steps), max(abs(y) for _, y in steps)


def estimate_kernels(
    calibration: Complex,
    lattice: Lattice,
    grid: Grid,
    *,
    ridge: float = 3e-4,
) -> Kernels:
    r"""Kernels that make missing lines of all channels out of lines that were taken.

    .. math:: w = (A^H A + \lambda \bar a I)^{-1} A^H t

    At places 12 mm apart along X, A has the source lines of all positions, channels and echoes
    of the calibration within a window of 7 mm (sigma), t the lines they surround, and
    :math:`\bar a` is the mean of the diagonal. One set for all echoes leaves their phases to
    themselves. White noise in the calibration is a ridge of its own, and a wanted one: noisy
    calibrations unfold less and amplify less.

    Parameters
    ----------
    calibration
        Central lines [E, C, Zc, Yc, X], an image along X, k-space along Y and Z; slices of a
        two-dimensional scan on Z.
    lattice
        Lines that imaging takes.
    grid
        The axes.
    ridge
        λ; larger ones trade noise for aliasing.

    Raises
    ------
    ReconError
        If the calibration is too small for the kernels, or holds no signal.

    Notes
    -----
    Products of 12·C sources (4·C for slices) over some thousand positions at each of about fifty
    places along X: for 8 channels a fraction of a second.

    References
    ----------
    Griswold et al. (2002) Magn Reson Med 47:1202. doi:10.1002/mrm.10171
    """
    patterns = tuple(_pattern(target, lattice, grid) for target in lattice.missing)
    lines = cells_along_x(calibration, grid)
    if not np.any(lines):
        raise ReconError("GRAPPA: the calibration lines hold no signal")
    weights = [_solve(pattern, lines, grid, ridge) for pattern in patterns]
    return Kernels(patterns, tuple(weights), lattice)


def unmix_with(kernels: Kernels, sensitivities: Sensitivities, grid: Grid) -> Unmixing:
    r"""Unfolding by kernels and combination with sensitivities as one set of weights.

    .. math:: u_{c'}(r) = \sum_c s_c^*(r) \Big(\delta_{cc'}
              + \sum_\delta w_{cc'}(\delta) e^{-2\pi i \delta r}\Big)

    A convolution of k-space with a kernel is a product with its transform in the image, and the
    combination is linear: the weighted sum of zero-filled coil images is the image that filling
    k-space first would give. Exact but for interpolation from a grid of 8 cells for each turn.

    Parameters
    ----------
    kernels
        Of the scan.
    sensitivities
        Unit vectors for the combination.
    grid
        The axes.

    References
    ----------
    Breuer et al. (2009) Magn Reson Med 62:739. doi:10.1002/mrm.22066
    """
    turns = (kernels.reach[0] + _SENSITIVITY_TURNS, kernels.reach[1] + _SENSITIVITY_TURNS)
    along_z, along_y = coarse_axes(grid, turns)
    n_x, n_places = grid.x.n_image, kernels.weights[0].shape[1]
    at_places = cubic_taps(n_places, n_x, n_x / n_places)
    unit = unit_vectors(sensitivities, along_z, along_y, at_places)
    mixed = np.empty((n_places, *unit.shape[:3]), np.complex64)
    at_once(partial(_mix, kernels, unit.conj(), (along_z, along_y), mixed), n_places)
    along_x = cubic_taps(n_x, n_places, n_places / n_x)
    weights = np.einsum("nkczy,nk->czyn", mixed[along_x.cells], along_x.weights, optimize=True)
    return Unmixing(
        np.ascontiguousarray(weights),
        along_z.to_voxels(grid.z),
        along_y.to_voxels(grid.y),
        kernels.lattice.factor,
    )


def _pattern(target: Step, lattice: Lattice, grid: Grid) -> Pattern:
    """The taken lines nearest to a missing one, in 1/mm."""
    n_z = 0 if grid.is_2d else 2 * lattice.every_z
    n_y = 2 * lattice.every_y
    around = [
        ((z / grid.z.fov_mm) ** 2 + (y / grid.y.fov_mm) ** 2, z, y)
        for z in range(-n_z, n_z + 1)
        for y in range(-n_y, n_y + 1)
        if lattice.contains(target[0] + z, target[1] + y)
    ]
    count = _SOURCES_IN_PLANE if grid.is_2d else _SOURCES_IN_VOLUME
    return Pattern(target, tuple((z, y) for _, z, y in sorted(around)[:count]))


def _solve(pattern: Pattern, lines: Complex, grid: Grid, ridge: float) -> Complex:
    """Weights [Zs, Xk, S, C, C] of one kind of missing line."""
    n_cells, n_z, n_channels = lines.shape[0], lines.shape[1], lines.shape[4]
    n_sources = len(pattern.sources)
    n_groups = n_z if grid.is_2d else 1
    n_unknown = n_sources * n_channels
    products = np.empty((n_groups, n_cells, n_unknown, n_unknown + n_channels), np.complex64)
    groups = lines[:, :, None] if grid.is_2d else lines[:, None]  # [Xc, Zs, Z, E, Y, C]

    def chunk(cells: range) -> None:
        for cell in cells:
            for group in range(n_groups):
                products[group, cell] = _products(pattern, groups[cell, group])

    at_once(chunk, n_cells)
    windows = window_weights(n_cells, grid, _WINDOW_MM)
    windowed = np.einsum("pn,gnab->gpab", windows, products, optimize=True)
    weights = _ridged(windowed, n_unknown, ridge)
    return weights.reshape(n_groups, len(windows), n_sources, n_channels, n_channels)


def _products(pattern: Pattern, block: Complex) -> Complex:
    """Sources times sources, then times targets [S·C, S·C + C], of a block [Z, E, Y, C]."""
    steps = np.array([(0, 0), *pattern.sources])
    before, after = -steps.min(axis=0), steps.max(axis=0)
    n_z, n_y = block.shape[0] - before[0] - after[0], block.shape[2] - before[1] - after[1]
    if min(n_z, n_y) < 1:
        raise ReconError(
            f"GRAPPA: found {block.shape[0]} by {block.shape[2]} calibration lines, needed more "
            f"than {before[0] + after[0]} by {before[1] + after[1]}"
        )
    shifted = [
        block[before[0] + z :][:n_z, :, before[1] + y :][:, :, :n_y].reshape(-1, block.shape[3])
        for z, y in steps.tolist()
    ]
    sources = np.concatenate(shifted[1:], axis=1)
    square = cherk(1.0, sources.T, lower=1)  # of the transpose: columns are contiguous there
    square = np.tril(square) + np.tril(square, -1).conj().T
    return np.concatenate([square.conj(), sources.conj().T @ shifted[0]], axis=1)


def _ridged(products: Complex, n_unknown: int, ridge: float) -> Complex:
    """Solutions [G, P, S·C, C] of the windowed normal equations."""
    square, target = products[..., :n_unknown], products[..., n_unknown:]
    power = np.einsum("gpaa->gp", square).real / n_unknown
    weights = np.empty(target.shape, np.complex64)
    for group in range(len(square)):
        floor = _FLOOR * power[group].max()
        for place, mean in enumerate(np.maximum(power[group], max(floor, _TINY))):
            matrix = square[group, place] + ridge * mean * np.eye(n_unknown, dtype=np.float32)
            weights[group, place] = _solution(matrix, target[group, place])
    return weights


def _solution(matrix: Complex, target: Complex) -> Complex:
    """Least-norm where the ridge is too small for what the lines leave open."""
    try:
        found = scipy.linalg.solve(matrix, target, assume_a="pos", check_finite=False)
    except scipy.linalg.LinAlgError:
        least = float(len(matrix) * np.finfo(matrix.dtype).eps)
        found = scipy.linalg.lstsq(matrix, target, cond=least, check_finite=False)[0]
    return np.asarray(found, np.complex64)


def _mix(
    kernels: Kernels,
    conjugated: Complex,
    axes: tuple[CoarseAxis, CoarseAxis],
    mixed: Complex,
    places: range,
) -> None:
    """Fill ``mixed`` [Xk, C, Zc, Yc] from conjugated unit vectors [C, Zc, Yc, Xk]."""
    z, y = axes[0].fractions, axes[1].fractions
    for place in places:
        coils = np.moveaxis(conjugated[..., place], 0, -1)  # [Zc, Yc, C]
        total = coils.copy()
        for pattern, weights in zip(kernels.patterns, kernels.weights, strict=True):
            for source, step in enumerate(pattern.sources):
                turns = np.exp(-2j * np.pi * (step[0] * z[:, None] + step[1] * y))
                ours = weights[:, place, source].swapaxes(1, 2)  # [1 or Zc, C target, C source]
                total += turns[..., None].astype(np.complex64) * (coils @ ours)
        mixed[place] = np.moveaxis(total, -1, 0)
