"""The noise of a local field that comes without it, where no susceptibility makes a field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from streamrecon.errors import ReconError
from streamrecon.fourier import rfftn
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import dipole_kernel, frequencies

_CONE = 0.03  # |D| below which no source makes a field: it answers with a thousandth of the power
_FROM_PER_VOXEL = 0.25  # below this frequency there is signal enough to leak through the window
_TAPER_VOXELS = 3
_FEWEST = 50
_MEDIAN_OF_POWER = np.log(2.0)  # of an exponential distribution with mean 1


def noise_of_field(
    field_ppm: NDArray[np.floating], mask: NDArray[np.bool_], geometry: Geometry
) -> float:
    r"""Standard deviation of what no susceptibility can have made of a local field [ppm].

    No source makes a field where D vanishes. The median power on that cone, above half of the
    highest frequency, is noise, and what else does not fit the model: a field without noise of
    two heads gives 0.4 and 0.8 ppb, with 1 and 4 ppb of noise 1.1 to 1.3 and 4.1. The mask is
    tapered over three voxels, so that its rim does not leak onto the cone. Noise that is smooth
    over voxels, as after a filter, is not seen. One real FFT of the grid.

    Raises
    ------
    ReconError
        If the mask is empty, or the grid too small for 50 frequencies on the cone.
    """
    if not mask.any():
        raise ReconError("strength: the mask is empty")
    deep = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1] / _TAPER_VOXELS
    window = (np.sin(np.pi / 2 * np.minimum(deep, 1)) ** 2).astype(np.float32)
    field = np.where(mask, field_ppm, 0).astype(np.float32)
    level = np.float32(np.vdot(window, field) / window.sum(dtype=np.float64))
    spectrum = rfftn((field - level) * window, mask.shape)
    dipole = dipole_kernel(geometry, mask.shape)
    axes = [np.abs(frequencies(n, half=a == 2)) for a, n in enumerate(mask.shape)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    highest = np.maximum(np.maximum(z, y), x)
    cone = (np.abs(dipole) < _CONE) & (highest > _FROM_PER_VOXEL) & (highest < 0.5)
    if np.count_nonzero(cone) < _FEWEST:
        raise ReconError(f"strength: a grid of {mask.shape} voxels is too small to show its noise")
    power = np.median(np.abs(spectrum[cone]) ** 2) / _MEDIAN_OF_POWER
    return float(np.sqrt(power / np.vdot(window, window)))
