"""Finds blobs of susceptibility: places from which it falls, or rises, in every direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.maps._ridge_kernels import raise_blobs
from streamrecon.maps.scale_space import curvature_noise, smoothed
from streamrecon.model.geometry import Geometry, Shape

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

SCALES_MM = (0.5, 0.8, 1.2, 1.8)
"""Widths of the filter; each is at its best for balls of 2.7 times that radius."""

_GAIN = (5 / 3) ** 2.5 / (
    2 / 3
)  # a Gaussian blob of contrast 1, at the width that suits it, gives 1


@dataclass(frozen=True, slots=True)
class Blob:
    """A peak or a trough.

    Parameters
    ----------
    voxel
        Index (z, y, x) of its middle.
    contrast_ppm
        How far it stands out of what is around it [ppm]; negative for a trough. That of a Gaussian
        of the best width, a lower bound for a ball.
    """

    voxel: Shape
    contrast_ppm: float


def find_blobs(
    chi_ppm: NDArray[np.floating],
    mask: Flags,
    geometry: Geometry,
    *,
    scales_mm: Sequence[float] = SCALES_MM,
    contrast_ppm: float = 0.05,
    k_sigma: float = 5.0,
) -> list[Blob]:
    r"""Peaks and troughs of χ that are curved in all directions, the strongest first.

    .. math:: s_\sigma = 5.4\,\sigma^2 \min_i |\lambda_i|

    of the Hessian of χ smoothed to σ where its eigenvalues have one sign, 0 elsewhere: along a vein
    one curvature is near 0, and so is s. A blob is an extremum of s over all widths.

    Bends, forks and ends of veins and knots of the cortex are blobs too. Two blobs that are closer
    than their widths are one.

    Parameters
    ----------
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    mask
        Where it is known.
    geometry
        Their grid.
    scales_mm
        Widths σ [mm].
    contrast_ppm
        Weakest blob [ppm].
    k_sigma
        Smallest ratio to the noise of s, measured on the map itself.

    Raises
    ------
    ReconError
        If the mask is empty or χ is not finite inside it.

    References
    ----------
    Lindeberg (1998) Int J Comput Vis 30:79. doi:10.1023/A:1008045108935
    """
    if not mask.any():
        raise ReconError("blobs: the mask is empty")
    if not np.isfinite(chi_ppm[mask]).all():
        raise ReconError("blobs: susceptibility is not finite inside the mask")
    chi = np.where(mask, chi_ppm, 0).astype(np.float32)
    score = np.zeros(mask.shape, np.float32)
    for scale in scales_mm:
        smooth = smoothed(chi, scale, geometry.voxel_mm)
        gain = _GAIN * scale**2
        noise = gain * curvature_noise(smooth, mask, geometry.voxel_mm)
        raised = np.zeros_like(score)
        _raise(raised, smooth, mask, geometry, gain)
        raised[np.abs(raised) < max(contrast_ppm, k_sigma * noise)] = 0
        score = np.where(np.abs(raised) > np.abs(score), raised, score)
    return _extrema(score)


def _raise(score: Real, smooth: Real, mask: Flags, geometry: Geometry, gain: float) -> None:
    """Move ``score`` to the blobs of ``smooth``, slabs of planes at once."""

    def slab(planes: range) -> None:
        raise_blobs(smooth, mask, geometry.voxel_mm, gain, (planes.start, planes.stop), score)

    at_once(slab, mask.shape[0])


def _extrema(score: Real) -> list[Blob]:
    """Voxels whose score is the largest of their neighbourhood, in size; the largest first."""
    size = np.abs(score)
    at = np.argwhere((size > 0) & (size == maximum_filter(size, 3)))
    order = np.argsort(-size[tuple(at.T)], kind="stable")
    return [Blob((int(z), int(y), int(x)), float(score[z, y, x])) for z, y, x in at[order]]
