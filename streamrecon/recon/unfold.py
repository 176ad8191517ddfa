"""From a calibration to the weights of the combination, whatever lines a scan takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.lattice import Lattice
from streamrecon.recon.coils import Sensitivities, estimate_sensitivities
from streamrecon.recon.grappa import estimate_kernels, unmix_with
from streamrecon.recon.grid import Grid
from streamrecon.recon.unmixing import Unmixing


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


def _sensitivities(
    calibration: NDArray[np.complex64], lattice: Lattice, grid: Grid
) -> Sensitivities:
    if not calibration.size:
        raise ReconError(
            f"acceleration {lattice.factor}: found no central lines without gaps, needed a "
            "calibration: lines flagged as such, in the scan or before it"
        )
    return estimate_sensitivities(calibration, grid)
