"""Computes the combination's weights from a calibration, for any sampling pattern."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.lattice import Lattice
from streamrecon.recon.kspace.encoding_grid import Grid
from streamrecon.recon.parallel.coil_sensitivities import (
    Sensitivities,
    coarse_images,
    estimate_sensitivities,
    signal_power,
)
from streamrecon.recon.parallel.espirit import sensitivities_by_espirit
from streamrecon.recon.parallel.grappa import estimate_kernels, unmix_with
from streamrecon.recon.parallel.sense import unmix_by_sense
from streamrecon.recon.parallel.unmixing_weights import Unmixing

_BRIGHT = 98  # percentile of the signal's power over the field of view that counts as 1
_LEAST_BRIGHT = 0.01  # of the largest: a small object fills less than that of the field of view


def unfolding(
    calibration: NDArray[np.complex64],
    lattice: Lattice,
    grid: Grid,
    *,
    ridge: float = 3e-4,
) -> Sensitivities | Unmixing:
    """Weights that combine the coils, and unfold what ``lattice`` left out.

    Parameters
    ----------
    calibration
        Central lines [E, C, Zc, Yc, X], an image along X, k-space along Y and Z; slices of a
        two-dimensional scan on Z.
    lattice
        Lines that were taken.
    grid
        The axes.
    ridge
        Regularisation of the kernels.

    Raises
    ------
    ReconError
        If there are no lines to learn from, or too few.
    """
    sensitivities = _sensitivities(calibration, lattice, grid)
    if lattice.factor == 1:
        return sensitivities
    kernels = estimate_kernels(calibration, lattice, grid, ridge=ridge)
    return unmix_with(kernels, sensitivities, grid)


def unfolding_of_each_echo(
    calibration: NDArray[np.complex64],
    lattice: Lattice,
    grid: Grid,
    *,
    ridge: float = 3e-4,
) -> tuple[Unmixing, ...]:
    """Weights with kernels of each echo's own, learnt from its calibration alone.

    The sensitivities are those of all echoes, so that phase between echoes stays the object's.
    Late echoes are noisy, and so are their kernels: shared ones are better unless something but
    the object differs between echoes. Parameters and errors as of `unfolding`.
    """
    sensitivities = _sensitivities(calibration, lattice, grid)
    return tuple(
        unmix_with(
            estimate_kernels(calibration[echo : echo + 1], lattice, grid, ridge=ridge),
            sensitivities,
            grid,
        )
        for echo in range(len(calibration))
    )


def sense_unfolding(
    calibration: NDArray[np.complex64],
    lattice: Lattice,
    grid: Grid,
    *,
    ridge: float = 3e-4,
) -> Sensitivities | Unmixing:
    """Weights that combine the coils, and part by SENSE what ``lattice`` folds.

    Sensitivities are those of ESPIRiT, the signal's power is that of all echoes. Parameters and
    errors as of `unfolding`.
    """
    _check_there(calibration, lattice)
    sensitivities = sensitivities_by_espirit(calibration, grid)
    if lattice.factor == 1:
        return sensitivities
    power = _relative_power(calibration, grid).mean(axis=0)
    return unmix_by_sense(sensitivities, power, lattice, grid, ridge=ridge)


def sense_unfolding_of_each_echo(
    calibration: NDArray[np.complex64],
    lattice: Lattice,
    grid: Grid,
    *,
    ridge: float = 3e-4,
) -> tuple[Unmixing, ...]:
    """As `sense_unfolding`, with the signal's power that each echo has for itself.

    Late echoes are fainter and part less, for less noise. Sensitivities are those of all echoes.
    """
    _check_there(calibration, lattice)
    sensitivities = sensitivities_by_espirit(calibration, grid)
    return tuple(
        unmix_by_sense(sensitivities, power, lattice, grid, ridge=ridge)
        for power in _relative_power(calibration, grid)
    )


def _relative_power(calibration: NDArray[np.complex64], grid: Grid) -> NDArray[np.float32]:
    """The signal's power around each cell [E, Zc, Yc, Xc], 1 where the mean echo is bright."""
    power = signal_power(coarse_images(calibration, grid))
    mean = power.mean(axis=0)
    bright = max(np.percentile(mean, _BRIGHT), _LEAST_BRIGHT * mean.max())
    return np.asarray(power / bright, np.float32)


def _sensitivities(
    calibration: NDArray[np.complex64], lattice: Lattice, grid: Grid
) -> Sensitivities:
    _check_there(calibration, lattice)
    return estimate_sensitivities(calibration, grid)


def _check_there(calibration: NDArray[np.complex64], lattice: Lattice) -> None:
    if not calibration.size:
        raise ReconError(
            f"acceleration {lattice.factor}: found no central lines without gaps, needed a "
            "calibration: lines flagged as such, in the scan or before it"
        )
