"""Where the field is to be trusted: signal, quality, one solid brain, and no voxel that lies.

No network and no atlas: the brain is the largest piece that holds together when thin bridges are
cut. Scalp that touches it broadly stays; give a mask of your own where that matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, binary_fill_holes, label, uniform_filter

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.signal_mask import signal_mask

_BRIDGE_MM = 7.0  # thickness below which a connection is cut
_BINS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Reliable:
    """Voxels to reconstruct, voxels to believe, and what was lost.

    Parameters
    ----------
    mask
        Brain without the layers taken off [Z, Y, X]; solid.
    trusted
        Voxels of ``mask`` whose field is believed [Z, Y, X]; the others carry no weight.
    report
        Sentence that says how many voxels were dropped and why.
    """

    mask: NDArray[np.bool_]
    trusted: NDArray[np.bool_]
    report: str


def brain_mask(
    magnitude: NDArray[np.floating], quality: NDArray[np.floating], geometry: Geometry
) -> NDArray[np.bool_]:
    """Solid brain [Z, Y, X] from a magnitude and the phase quality of `unwrap_individually`.

    Signal where the phase is coherent too (Otsu's threshold), thin bridges cut, largest piece,
    holes filled. About ten box filters. It ends about one voxel inside the brain's surface, where
    voxels are shared with bone.

    Raises
    ------
    ReconError
        If nothing is left.
    """
    coherent = signal_mask(magnitude)
    if not coherent.any():
        raise ReconError("brain: found no signal above the noise")
    coherent &= quality > _otsu(quality[coherent])
    size = [_odd(_BRIDGE_MM / voxel) for voxel in geometry.voxel_mm]
    core = _box(coherent, size) > 0.7
    core = _largest(core if core.any() else coherent)
    near = core
    for _ in range(2):
        near = _box(near, size) > 0.2
    solid = np.asarray(binary_fill_holes(coherent & near), np.bool_)
    if not solid.any():
        raise ReconError("brain: nothing is left after the bridges are cut")
    return _largest(solid)


def reliable_mask(
    brain: NDArray[np.bool_],
    residual_rad: NDArray[np.floating],
    sd_ppm: NDArray[np.floating],
    *,
    most_residual_rad: float = 0.3,
    most_sd: float = 5.0,
    erode: int,
) -> Reliable:
    """Brain without its outer layers, and the voxels in it whose field is believed.

    Parameters
    ----------
    brain
        Solid mask [Z, Y, X].
    residual_rad
        Misfit of the echoes [Z, Y, X, rad].
    sd_ppm
        Predicted standard deviation of the field [Z, Y, X, ppm].
    most_residual_rad
        Largest misfit believed [rad].
    most_sd
        Largest standard deviation believed, in medians.
    erode
        Layers of voxels to take off; the outermost shares its voxels with bone.

    Raises
    ------
    ReconError
        If fewer than one voxel in ten of the brain is left.
    """
    mask = binary_erosion(brain, iterations=erode) if erode else brain.copy()
    if not mask.any():
        raise ReconError(f"mask: found {int(brain.sum())} voxels, none is left after erosion")
    misfit = mask & ~(residual_rad <= most_residual_rad)
    noisy = mask & ~(sd_ppm <= most_sd * np.median(sd_ppm[mask]))
    trusted = mask & ~misfit & ~noisy
    if trusted.sum() < 0.1 * mask.sum():
        raise ReconError(
            f"mask: {int(trusted.sum())} of {int(mask.sum())} voxels are believed, needed a tenth: "
            f"{int(misfit.sum())} misfit, {int(noisy.sum())} too noisy"
        )
    report = (
        f"mask: {int(mask.sum())} voxels of {int(brain.sum())}; "
        f"{int(misfit.sum())} without weight for misfit, {int((noisy & ~misfit).sum())} for noise"
    )
    return Reliable(mask, trusted, report)


def _otsu(values: NDArray[np.floating]) -> float:
    count, edges = np.histogram(values, bins=_BINS, range=(0, 1))
    centre = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(count)
    above = below[-1] - below
    sum_below = np.cumsum(count * centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sum_below / below - (sum_below[-1] - sum_below) / above
    between = np.nan_to_num(below * above * gap**2)
    threshold = float(edges[1 + int(np.argmax(between))])
    # in one class alone Otsu cuts through the middle
    return min(threshold, 0.7 * float(np.quantile(values, 0.9)))


def _box(mask: NDArray[np.bool_], size: list[int]) -> NDArray[np.float32]:
    share: NDArray[np.float32] = uniform_filter(mask.astype(np.float32), size, mode="constant")
    return share


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == sizes.argmax(), np.bool_)


def _odd(width: float) -> int:
    return 2 * int(width / 2) + 1
