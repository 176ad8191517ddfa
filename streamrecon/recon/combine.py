"""The last transform and the coil combination, slab by slab, in one pass over memory."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from streamrecon.recon._kernels import weighted_sum
from streamrecon.recon.assemble import HybridSpace
from streamrecon.recon.coils import Sensitivities
from streamrecon.recon.lines import PhaseTransform
from streamrecon.threads import at_once

Complex = NDArray[np.complex64]


def combine_coils(space: HybridSpace, sensitivities: Sensitivities) -> Complex:
    r"""Complex image of every echo: the last phase axis transformed, coils combined.

    .. math:: m = \frac{s^H d}{\lVert s \rVert}

    Best signal-to-noise ratio for whitened channels; all echoes share s, so that the phase
    between echoes is the object's. One FFT of the grid along one axis, and one pass over it; the
    coil images themselves are never held.

    Parameters
    ----------
    space
        A volume, image along X and one phase axis (or all, for a two-dimensional scan).
    sensitivities
        Of the same volume.

    Returns
    -------
        Images [E, Z, Y, X], complex64.

    References
    ----------
    Roemer et al. (1990) Magn Reson Med 16:192. doi:10.1002/mrm.1910160203
    """
    n_z, n_y, n_x = space.grid.image_shape
    combined = np.empty((len(space.data), n_z, n_y, n_x), np.complex64)
    at_once(
        partial(_combine_slabs, space, sensitivities, combined),
        n_y if space.last_axis == "z" else n_z,
    )
    return combined


def coil_images(space: HybridSpace) -> Complex:
    """Complex image of every coil [E, C, Z, Y, X]: the last phase axis transformed.

    A copy as large as the grid; the combination does not need it.
    """
    n_echoes, n_coils = space.data.shape[:2]
    images = np.empty((n_echoes, n_coils, *space.grid.image_shape), np.complex64)
    transform = _last_transform(space)
    for index in range(images.shape[3 if space.last_axis == "z" else 2]):
        for echo in range(n_echoes):
            _slab(images[echo], space, index)[...] = _image(space, transform, echo, index)
    return images


def _combine_slabs(
    space: HybridSpace, sensitivities: Sensitivities, combined: Complex, slabs: range
) -> None:
    transform = _last_transform(space)
    at = sensitivities.at_y if space.last_axis == "z" else sensitivities.at_z
    for index in slabs:
        weights = at(index)
        for echo in range(len(combined)):
            slab = _slab(combined[echo], space, index)
            weighted_sum(_image(space, transform, echo, index), weights, slab)


def _last_transform(space: HybridSpace) -> PhaseTransform | None:
    if not space.last_axis:
        return None
    axis = space.grid.z if space.last_axis == "z" else space.grid.y
    return PhaseTransform(axis, space.data.shape[1], space.grid.x.n_image)


def _slab(volume: Complex, space: HybridSpace, index: int) -> Complex:
    """Slab of an image [..., Z, Y, X]: at a y where Z is left to transform, else at a z."""
    if space.last_axis == "z":
        return volume[..., :, index, :]
    return volume[..., index, :, :]


def _image(space: HybridSpace, transform: PhaseTransform | None, echo: int, index: int) -> Complex:
    """Coil images of one slab [C, Z or Y, X]."""
    block = _slab(space.data[echo], space, index)
    if transform is None:
        return block[:, : space.grid.y.n_image]
    return transform.image(block)
