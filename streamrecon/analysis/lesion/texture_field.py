"""How far the field of tissue's texture hangs together: what hides a small source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.fourier import irfftn
from streamrecon.machine.fft_plans import fast_length
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import dipole_kernel, frequencies

SD_PPM = 0.02
"""Spread of χ within tissue: white and grey matter differ by 0.05 ppm."""

LENGTH_MM = 1.5
"""Over which it falls to 1/e: half the thickness of the cortex."""


class TextureField:
    r"""Covariance of the field that a random texture of χ makes.

    χ is Gaussian, stationary, with the autocorrelation :math:`s^2 e^{-r/l}`, so that the field has

    .. math:: C(r) = \mathcal{F}^{-1}\!\left[ D(k)^2 S(k) \right](r),
              \quad S(k) \propto (1 + (2\pi l k)^2)^{-2}

    Tissue is neither Gaussian nor stationary: veins and the edges of nuclei are worse than it says.

    Parameters
    ----------
    geometry
        The scan's grid, whose voxels and B0 count.
    reach_mm
        Longest distance that will be asked for along an axis [mm].
    sd_ppm, length_mm
        s and l.
    """

    def __init__(
        self,
        geometry: Geometry,
        reach_mm: float,
        *,
        sd_ppm: float = SD_PPM,
        length_mm: float = LENGTH_MM,
    ) -> None:
        sides = [fast_length(2 * int(np.ceil(reach_mm / mm)) + 2) for mm in geometry.voxel_mm]
        k = [
            frequencies(n, half=axis == 2) / mm
            for axis, (n, mm) in enumerate(zip(sides, geometry.voxel_mm, strict=True))
        ]
        square = k[0][:, None, None] ** 2 + k[1][:, None] ** 2 + k[2] ** 2
        spectrum = ((1 + (2 * np.pi * length_mm) ** 2 * square) ** -2).astype(np.complex64)
        spectrum *= np.float32(sd_ppm**2 / irfftn(spectrum, sides)[0, 0, 0])
        spectrum *= dipole_kernel(geometry, sides) ** 2
        self._table = irfftn(spectrum, sides).astype(np.float64)

    def covariance(self, voxels: NDArray[np.integer]) -> NDArray[np.float64]:
        """Between all of the voxels with these indices (z, y, x) [N, 3], as [N, N, ppm²]."""
        sides: Sequence[int] = self._table.shape
        index = np.zeros((len(voxels), len(voxels)), np.intp)
        for along, n in zip(np.asarray(voxels, np.intp).T, sides, strict=True):
            index *= n
            index += (along[:, None] - along) % n
        return self._table.ravel()[index]
