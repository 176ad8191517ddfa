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
    if not calibration.size:
        raise ReconError(
            f"acceleration {lattice.factor}: found no central lines without gaps, needed a "
            "calibration: lines flagged as such, in the scan or before it"
        )
    sensitivities = estimate_sensitivities(calibration, grid)
    if lattice.factor == 1:
        return sensitivities
    kernels = estimate_kernels(calibration, lattice, grid, ridge=ridge)
    return unmix_with(kernels, sensitivities, grid)
