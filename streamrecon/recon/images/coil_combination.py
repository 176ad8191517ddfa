"""Combines the coils and does the last transform, slab by slab, in one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.threads import at_once
from streamrecon.recon._kernels import add_weighted
from streamrecon.recon.kspace.assemble import HybridSpace
from streamrecon.recon.kspace.encoding_grid import Axis
from streamrecon.recon.kspace.readout import PhaseTransform

Complex = NDArray[np.complex64]


class Weights(Protocol):
    """What each coil's image is multiplied by, slab by slab."""

    def at_y(self, index: int) -> Complex:
        """Weights of the slab ``y = index`` [C, Z, X]."""

    def at_z(self, index: int) -> Complex:
        """Weights of the slab ``z = index`` [C, Y, X]."""


def combine_coils(space: HybridSpace, weights: Weights) -> Complex:
    r"""Complex image of every echo: the last phase axis transformed, coils combined.

    .. math:: m = \sum_c u_c d_c

    With :math:`u = s^H / \lVert s \rVert` of best signal-to-noise ratio for whitened channels;
    with weights that unfold as well, the image of an accelerated scan at the same cost. All
    echoes share u, so that the phase between echoes is the object's. One FFT of the grid along
    one axis, and one pass over it; the coil images themselves are never held.

    Parameters
    ----------
    space
        A volume, image along X and one phase axis (or all, for a two-dimensional scan).
    weights
        `Sensitivities` of the same volume, or its `Unmixing`.

    Returns
    -------
        Images [E, Z, Y, X], complex64.

    References
    ----------
    Roemer et al. (1990) Magn Reson Med 16:192. doi:10.1002/mrm.1910160203
    """
    combined = np.empty((len(space.data), *space.grid.image_shape), np.complex64)
    at_once(partial(_combine_slabs, space, weights, combined), _n_slabs(space))
    return combined


def combine_each_echo(space: HybridSpace, weights: Sequence[Weights]) -> Complex:
    """As `combine_coils`, with weights of each echo's own; they are read out once an echo."""
    echoes = [
        combine_coils(replace(space, data=space.data[echo : echo + 1]), own)
        for echo, own in enumerate(weights)
    ]
    return np.concatenate(echoes)


def coil_images(space: HybridSpace) -> Complex:
    """Complex image of every coil [E, C, Z, Y, X]: the last phase axis transformed.

    A copy as large as the grid; the combination does not need it.
    """
    images = np.empty((*space.data.shape[:2], *space.grid.image_shape), np.complex64)
    transform = _last_transform(space)
    for index in range(_n_slabs(space)):
        for data, image in zip(space.data, images, strict=True):
            for block, slab in zip(
                _slab(data, space, index), _slab(image, space, index), strict=True
            ):
                if transform is None:
                    slab[...] = block[: len(slab)]
                else:
                    transform.image(block, slab)
    return images


def _combine_slabs(
    space: HybridSpace, weights_of: Weights, combined: Complex, slabs: range
) -> None:
    """One coil at a time: its slab, weights and sum stay in the cache."""
    axis, transform = _last_axis(space), _last_transform(space)
    first, scale = (0, np.float32(1)) if axis is None else (-(axis.n_image // 2), axis.scale)
    at = weights_of.at_y if space.last_axis == "z" else weights_of.at_z
    for index in slabs:
        weights = at(index)
        total = np.empty(weights.shape[1:], np.complex64)
        for data, image in zip(space.data, combined, strict=True):
            total[...] = 0
            for block, weight in zip(_slab(data, space, index), weights, strict=True):
                images = block if transform is None else transform.plain(block)
                add_weighted(images, first, weight, total)
            np.multiply(total, scale, out=_slab(image, space, index))


def _n_slabs(space: HybridSpace) -> int:
    n_z, n_y, _ = space.grid.image_shape
    return n_y if space.last_axis == "z" else n_z


def _last_axis(space: HybridSpace) -> Axis | None:
    """The phase axis that is left to transform."""
    return {"z": space.grid.z, "y": space.grid.y}.get(space.last_axis)


def _last_transform(space: HybridSpace) -> PhaseTransform | None:
    axis = _last_axis(space)
    return None if axis is None else PhaseTransform(axis, space.grid.x.n_image)


def _slab(volume: Complex, space: HybridSpace, index: int) -> Complex:
    """Slab of an image [..., Z, Y, X]: at a y where Z is left to transform, else at a z."""
    if space.last_axis == "z":
        return volume[..., :, index, :]
    return volume[..., index, :, :]
