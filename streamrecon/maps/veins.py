"""Finds veins as ridges of susceptibility."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, maximum_filter, uniform_filter

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.maps._ridge_kernels import raise_ridges, reach_of_peaks
from streamrecon.maps.nuclei import find_nuclei, shapes
from streamrecon.maps.scale_space import curvature_noise, smoothed
from streamrecon.model.geometry import Geometry, Triple

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

SCALES_MM = (0.5, 0.7, 1.0, 1.4, 2.0)
"""Widths of the filter; each is at its best for veins of √2 times that radius."""

WEAKEST_PPM = 0.06
"""Contrast of the weakest vein [ppm]."""

_FINE_MM = 1.2  # side of a voxel up to which most veins are found
_SURE = 2.0  # times the threshold: where a vein may begin
_PEAK_FRACTION = 0.35  # of the vein's peak: below half, for thin veins do not reach theirs
_PEAK_MM = 2.0
_STRONG = 0.9  # quantile of the peaks of all veins: what one of pure blood reaches
_BLOOD_FRACTION = 0.25  # of that: what is weaker is less than half vein, thin and blurred ones too
_FAINT_FRACTION = 0.5  # of it: weaker ones in what is thick at the weakest contrast are a nucleus
_AROUND_MM = 11.0  # side of the box whose other voxels are a vein's surroundings
_SOLID = 0.5  # a component is a blob if it fills so much of the ellipsoid of its moments
_ROUND = 0.5  # and is so round: shortest over longest
_CORNERS = np.ones((3, 3, 3), bool)


def find_veins(
    chi_ppm: NDArray[np.floating],
    mask: Flags,
    geometry: Geometry,
    *,
    scales_mm: Sequence[float] = SCALES_MM,
    contrast_ppm: float = WEAKEST_PPM,
    k_sigma: float = 4.0,
    shortest_mm: float = 8.0,
) -> Flags:
    r"""Voxels that are at least about half vein [Z, Y, X].

    Ridges of χ are found at several widths σ by

    .. math:: s_\sigma = e\,\sigma^2 \sqrt{\lambda_1 \lambda_2}, \quad \lambda_1 \le \lambda_2 < 0

    of the Hessian of χ smoothed to σ, which is the contrast [ppm] of a straight vein of radius
    √2·σ. A vein goes on where s reaches ``contrast_ppm`` or ``k_sigma`` times the noise of that
    width, whichever is larger, and must reach twice that somewhere (hysteresis). Across, it ends
    where χ falls below 0.35 of its peak within 2 mm, and below a quarter of what the strong veins
    of the map reach, for the blood of all is about alike. Short pieces and blobs are dropped, and
    nuclei, see `streamrecon.maps.nuclei.find_nuclei`.

    The noise is measured on the map itself: the spread of its Laplacian at each width, robust
    against the few voxels that are veins. Neither the brightest vessel nor an outlier moves it.

    Veins thinner than a voxel are found where enough of them fills it, and those of much less χ
    than the strong ones are lost; what two voxels of a narrow gap join is one vein; nuclei less
    than 5 mm thick can pass where their contrast is that of a vein; diamagnetic fibres cannot.
    Voxels outside the mask count as 0.

    A Gaussian and a pass of Hessians for each width; seven float32 volumes of memory.

    Parameters
    ----------
    chi_ppm
        Susceptibility [Z, Y, X, ppm], its zero near that of tissue.
    mask
        Where it is known, best not eroded: veins run along the surface.
    geometry
        Their grid; widths are in mm on every axis, less what the voxel itself smooths.
    scales_mm
        Widths σ [mm].
    contrast_ppm
        Weakest vein [ppm].
    k_sigma
        Smallest ratio to noise.
    shortest_mm
        Components that extend less than this [mm] are dropped.

    Raises
    ------
    ReconError
        If the mask is empty or χ is not finite inside it.

    References
    ----------
    Sato et al. (1998) Med Image Anal 2:143. doi:10.1016/S1361-8415(98)80009-1
    """
    if not mask.any():
        raise ReconError("veins: the mask is empty")
    if not np.isfinite(chi_ppm[mask]).all():
        raise ReconError("veins: susceptibility is not finite inside the mask")
    chi = np.where(mask, chi_ppm, 0).astype(np.float32)
    score = ridge_score(
        chi, mask, geometry, scales_mm=scales_mm, contrast_ppm=contrast_ppm, k_sigma=k_sigma
    )
    ridges = _above(score, 1.0, _SURE)
    around = surroundings(chi, mask & ~ridges, geometry.voxel_mm)
    contrast = chi - np.maximum(around, 0)  # a gap between dark things is no vein
    veins = np.zeros_like(ridges)
    ball = _ball(_PEAK_MM, geometry.voxel_mm)
    reach_of_peaks(contrast, ridges, ball, _PEAK_FRACTION, contrast_ppm, veins)
    strong_ppm = _strong_ppm(contrast, ridges, geometry.voxel_mm)
    veins &= contrast > _BLOOD_FRACTION * strong_ppm
    veins &= ~find_nuclei(contrast, mask, geometry.voxel_mm)
    faint = find_nuclei(contrast, mask, geometry.voxel_mm, least_ppm=contrast_ppm)
    veins &= ~(faint & (contrast < _FAINT_FRACTION * strong_ppm))  # not a clot of veins
    return _long_and_thin(veins, geometry.voxel_mm, shortest_mm)


def lost_to_voxels(geometry: Geometry) -> tuple[str, ...]:
    """What coarse voxels lose of the veins, in a sentence; nothing where they are fine.

    >>> lost_to_voxels(Geometry((9, 9, 9), (2.0, 0.6, 0.6), np.eye(3)[::-1]))
    ()

    Parameters
    ----------
    geometry
        The grid; the side of a cube as large as its voxel counts.
    """
    side_mm = math.prod(geometry.voxel_mm) ** (1 / 3)
    if side_mm <= _FINE_MM:
        return ()
    found = "of simulated heads' vein voxels 0.8 were found at 1 mm, 0.7 at 1.5 mm, 0.4 at 2 mm"
    return (f"voxels of {side_mm:.1f} mm: {found}, where half of what was found was none",)


def ridge_score(
    chi_ppm: Real,
    mask: Flags,
    geometry: Geometry,
    *,
    scales_mm: Sequence[float] = SCALES_MM,
    contrast_ppm: float,
    k_sigma: float = 4.0,
) -> Real:
    """Highest ratio of a ridge's contrast to its threshold [Z, Y, X]; see `find_veins`."""
    score = np.zeros(mask.shape, np.float32)
    for scale in scales_mm:
        smooth = smoothed(chi_ppm, scale, geometry.voxel_mm)
        gain = math.e * scale**2
        noise = gain * curvature_noise(smooth, mask, geometry.voxel_mm)
        gain /= max(contrast_ppm, k_sigma * noise)
        _raise(score, smooth, mask, geometry.voxel_mm, gain)
    return score


def _raise(score: Real, smooth: Real, mask: Flags, voxel_mm: Triple, gain: float) -> None:
    """Raise ``score`` to the ridges of ``smooth``, slabs of planes at once."""

    def slab(planes: range) -> None:
        raise_ridges(smooth, mask, voxel_mm, gain, (planes.start, planes.stop), score)

    at_once(slab, mask.shape[0])


def _above(score: Real, low: float, high: float) -> Flags:
    """Components of ``score >= low`` that reach ``high`` somewhere."""
    pieces, count = label(score >= low, _CORNERS)
    kept = np.zeros(count + 1, bool)
    kept[pieces[score >= high]] = True
    kept[0] = False
    return np.asarray(kept[pieces])


def surroundings(chi: Real, known: Flags, voxel_mm: Triple) -> Real:
    """Mean of χ over the known voxels of a box about each voxel; 0 where there is none."""
    side = [2 * round(_AROUND_MM / 2 / mm) + 1 for mm in voxel_mm]
    total = uniform_filter(np.where(known, chi, 0).astype(np.float32), side)
    fraction = uniform_filter(known.astype(np.float32), side)
    return np.asarray(np.where(fraction > 1e-3, total / np.maximum(fraction, 1e-3), 0), np.float32)


def _strong_ppm(contrast: Real, ridges: Flags, voxel_mm: Triple) -> float:
    """What the peaks of strong veins reach; 0 where there is none."""
    heights = np.where(ridges, contrast, 0).astype(np.float32)
    side = [2 * round(_PEAK_MM / mm) + 1 for mm in voxel_mm]
    peaks = heights[ridges & (heights == maximum_filter(heights, side))]
    return float(np.quantile(peaks, _STRONG)) if peaks.size else 0.0


def _ball(radius_mm: float, voxel_mm: Triple) -> NDArray[np.int64]:
    """Steps (z, y, x) to all voxels within a radius [N, 3]."""
    reach = [math.floor(radius_mm / mm) for mm in voxel_mm]
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1)
    steps = steps.reshape(-1, 3)
    return np.asarray(steps[np.linalg.norm(steps * voxel_mm, axis=1) <= radius_mm], np.int64)


def _long_and_thin(veins: Flags, voxel_mm: Triple, shortest_mm: float) -> Flags:
    """Components that are long enough and no blobs, by their second moments."""
    pieces, count = label(veins, _CORNERS)
    if not count:
        return veins
    spread, filled = shapes(pieces, count, voxel_mm)
    blob = (filled > _SOLID) & (spread[:, 0] > _ROUND * spread[:, 2])
    kept = np.concatenate([[False], ~blob & (math.sqrt(12) * spread[:, 2] >= shortest_mm)])
    return np.asarray(kept[pieces])
