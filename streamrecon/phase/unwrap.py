"""Unwraps the phase of each echo along the most trusted path (ROMEO class).

Every edge between neighbours gets a cost from phase coherence, gradient coherence with another
echo, straightness and magnitude; each voxel is unwrapped along its cheapest path (Prim's tree,
bucket queue). Regions that do not touch are aligned with each other and over the echoes.

References
----------
Dymerska et al. (2021) Magn Reson Med 85:2294. doi:10.1002/mrm.28563
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from streamrecon.errors import ReconError
from streamrecon.fourier import irfftn, rfftn
from streamrecon.machine.threads import at_once, budget
from streamrecon.model.geometry import Geometry
from streamrecon.phase._kernels import edge_costs, grow, mean_trust

Real = NDArray[np.float32]

_TURN = 2 * np.pi
_RIM_VOXELS = 2  # paths around a pocket of air may leave the mask this far
_MOST_TURNS = 50  # of one echo against its neighbour
_TEMPLATE_LIMIT_RAD = 1.0
_TEMPLATE_FRACTION = 0.2  # more doubtful voxels than this and the template is not one


@dataclass(frozen=True, slots=True, eq=False)
class Unwrapped:
    """Phase without wraps.

    Parameters
    ----------
    phase_rad
        [E, Z, Y, X, rad]; 0 outside the mask.
    quality
        Mean trust of the paths through each voxel [Z, Y, X], 0 … 1, from the first echo.
    region
        Number of the connected region [Z, Y, X], from 1; 0 outside the mask.
    """

    phase_rad: Real
    quality: Real
    region: NDArray[np.int32]


def unwrap_individually(
    phase_rad: NDArray[np.floating],
    magnitude: NDArray[np.floating],
    mask: NDArray[np.bool_],
    te_s: Sequence[float],
) -> Unwrapped:
    """Each echo unwrapped in space on its own, then regions and echoes aligned by their times.

    Needs phase offsets removed only for the alignment of echoes, not within one. About 12 FFTs per
    echo; echoes run side by side. Wrong where the field dephases a voxel: at air, later echoes
    are off by a turn in some 0.5 % of the voxels, and in whole rims beyond a wall of noise.

    Parameters
    ----------
    phase_rad
        Wrapped phase [E, Z, Y, X, rad]; voxels that are not finite are left out.
    magnitude
        [E, Z, Y, X], any unit; the first echo weighs the paths.
    mask
        Voxels wanted [Z, Y, X].
    te_s
        Echo times [s].

    Raises
    ------
    ReconError
        If no voxel of the mask has a finite phase in every echo.
    """
    phase, inside, paths = _valid(phase_rad, mask)
    trees = [_costs(phase, magnitude, paths, te_s, echo=echo) for echo in range(len(te_s))]
    quality = _quality(trees[0], paths)
    seeds = _best_first(quality, paths)

    def whole_turns(echo: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        return _grow(phase[echo], trees[echo], seeds)

    with ThreadPoolExecutor(budget()) as pool:
        grown = list(pool.map(whole_turns, range(len(te_s))))
    region = grown[0][1]
    turned = phase + np.float32(_TURN) * np.stack([turns for turns, _ in grown])
    _align(turned, region, inside, te_s)
    return _inside(turned, quality, region, inside)


def unwrap_by_template(
    phase_rad: NDArray[np.floating],
    magnitude: NDArray[np.floating],
    mask: NDArray[np.bool_],
    te_s: Sequence[float],
) -> Unwrapped:
    """The first echo unwrapped in space, each later one by extrapolation in time, then checked.

    Voxels more than 1 rad off the extrapolation are grown again from those that fit; an echo in
    which more than a fifth is off is unwrapped in space instead. Phase offsets must be removed:
    with them left in, 2 % of the voxels were wrong. Faster than `unwrap_individually` by the
    fraction of voxels that fit. Parameters and errors are those of `unwrap_individually`.
    """
    phase, inside, paths = _valid(phase_rad, mask)
    costs = _costs(phase, magnitude, paths, te_s, echo=0)
    quality = _quality(costs, paths)
    seeds = _best_first(quality, paths)
    turns, region = _grow(phase[0], costs, seeds)
    turned = phase.copy()
    turned[0] += np.float32(_TURN) * turns
    _align(turned[:1], region, inside, te_s[:1])
    for echo in range(1, len(te_s)):
        predicted = _extrapolated(turned[:echo], te_s[: echo + 1])
        turns = np.rint((predicted - phase[echo]) / _TURN).astype(np.int32)
        off = abs(phase[echo] + np.float32(_TURN) * turns - predicted) > _TEMPLATE_LIMIT_RAD
        costs = _costs(phase, magnitude, paths, te_s, echo=echo)
        if off[inside].mean() > _TEMPLATE_FRACTION:
            turns, _ = _grow(phase[echo], costs, seeds)
            turned[echo] += np.float32(_TURN) * turns
            _align_echo(turned, echo, region, inside, te_s)
            continue
        given = np.where(off, 0, region).astype(np.int32)
        turns, _ = _grow(phase[echo], costs, seeds, turns=turns * (given > 0), given=given)
        turned[echo] += np.float32(_TURN) * turns
    return _inside(turned, quality, region, inside)


def unwrap_volume(
    phase_rad: NDArray[np.floating], magnitude: NDArray[np.floating], mask: NDArray[np.bool_]
) -> Unwrapped:
    """One wrapped phase [Z, Y, X, rad] unwrapped in space; ``phase_rad`` of the result is [1, …].

    The median of every region lies within ±π.
    """
    return unwrap_individually(phase_rad[None], magnitude[None], mask, (1.0,))


def path_quality(
    phase_rad: NDArray[np.floating],
    magnitude: NDArray[np.floating],
    mask: NDArray[np.bool_],
    te_s: Sequence[float],
) -> Real:
    """Mean trust of the paths through each voxel [Z, Y, X], 0 … 1, before anything is unwrapped.

    That of `unwrap_individually` and `unwrap_by_template`, in a tenth of their time; parameters and
    errors are theirs.
    """
    phase, inside, paths = _valid(phase_rad, mask)
    return _quality(_costs(phase, magnitude, paths, te_s, echo=0), paths) * inside


def unwrap_laplacian(phase_rad: NDArray[np.floating], geometry: Geometry) -> Real:
    """Phase whose Laplacian is that of the wrapped phase [Z, Y, X, rad]; two real FFTs.

    Fast and without seams, but the constant and whatever is harmonic are lost, and strong sources
    are smoothed: good for susceptibility weighting, wrong for a field map. Periodic at the edges.

    References
    ----------
    Schofield and Zhu (2003) Opt Lett 28:1194. doi:10.1364/OL.28.001194
    """
    phase = np.nan_to_num(np.asarray(phase_rad, np.float32))
    laplacian = np.zeros_like(phase)
    response = np.zeros(())
    for axis, voxel in enumerate(geometry.voxel_mm):
        jump = np.roll(phase, -1, axis) - phase
        jump -= np.float32(_TURN) * np.rint(jump / np.float32(_TURN))
        laplacian += (jump - np.roll(jump, 1, axis)) / np.float32(voxel**2)
        n = phase.shape[axis]
        index = np.arange(n // 2 + 1 if axis == 2 else n)
        wave = (2 * np.cos(_TURN * index / n) - 2) / voxel**2
        response = response + wave.reshape([-1 if a == axis else 1 for a in range(3)])
    response[0, 0, 0] = np.inf
    return irfftn((rfftn(laplacian) / response).astype(np.complex64), phase.shape)


def _valid(
    phase_rad: NDArray[np.floating], mask: NDArray[np.bool_]
) -> tuple[Real, NDArray[np.bool_], NDArray[np.bool_]]:
    """Phase with 0 where it is not finite, voxels wanted, and those that paths may use."""
    finite = np.isfinite(phase_rad).all(axis=0)
    inside = mask & finite
    if not inside.any():
        raise ReconError(
            f"unwrapping: found {int(mask.sum())} voxels in the mask and none with a finite phase"
        )
    phase = np.asarray(phase_rad, np.float32)  # not changed here: a copy only where it must be
    paths = binary_dilation(inside, iterations=_RIM_VOXELS) & finite
    return phase if finite.all() else np.where(finite, phase, np.float32(0)), inside, paths


def _steps(shape: tuple[int, ...]) -> NDArray[np.int32]:
    return np.array([shape[1] * shape[2], shape[2], 1], np.int32)


def _costs(
    phase: Real,
    magnitude: NDArray[np.floating],
    paths: NDArray[np.bool_],
    te_s: Sequence[float],
    *,
    echo: int,
) -> NDArray[np.uint8]:
    other = echo - 1 if echo else min(1, len(te_s) - 1)
    alone = other == echo
    second = np.empty(0, np.float32) if alone else phase[other].ravel()
    weight = np.nan_to_num(np.asarray(magnitude[0], np.float32)).ravel()
    costs = np.empty((3, paths.size), np.uint8)
    flat, inside, ratio = phase[echo].ravel(), paths.ravel(), te_s[echo] / te_s[other]

    def chunk(z: range) -> None:
        for axis in range(3):
            edge_costs(
                flat, second, ratio, weight, inside, paths.shape, axis, costs[axis],
                z.start, z.stop,
            )  # fmt: skip

    at_once(chunk, len(paths))
    return costs


def _quality(costs: NDArray[np.uint8], paths: NDArray[np.bool_]) -> Real:
    quality = np.empty(paths.size, np.float32)
    steps, inside = _steps(paths.shape), paths.ravel()
    at_once(lambda v: mean_trust(costs, steps, inside, quality, v.start, v.stop), paths.size)
    return quality.reshape(paths.shape)


def _best_first(quality: Real, paths: NDArray[np.bool_]) -> NDArray[np.intp]:
    voxels = np.flatnonzero(paths)
    distrust = 255 - (quality.ravel()[voxels] * 255).astype(np.uint8)
    return voxels[np.argsort(distrust, kind="stable")]


def _grow(
    phase: Real,
    costs: NDArray[np.uint8],
    seeds: NDArray[np.intp],
    *,
    turns: NDArray[np.int32] | None = None,
    given: NDArray[np.int32] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    start = np.zeros(phase.size, np.int32) if turns is None else turns.ravel().copy()
    region = np.zeros(phase.size, np.int32) if given is None else given.ravel().copy()
    grow(phase.ravel(), costs, _steps(phase.shape), seeds, start, region)
    return start.reshape(phase.shape), region.reshape(phase.shape)


def _align(
    turned: Real, region: NDArray[np.int32], inside: NDArray[np.bool_], te_s: Sequence[float]
) -> None:
    """Bring every region of the first echo near zero, then every later echo to its forerunners."""
    _shift(turned[0], turned[0] * 0, region, inside)
    for echo in range(1, len(te_s)):
        _align_echo(turned, echo, region, inside, te_s)


def _align_echo(
    turned: Real,
    echo: int,
    region: NDArray[np.int32],
    inside: NDArray[np.bool_],
    te_s: Sequence[float],
) -> None:
    _shift(turned[echo], _extrapolated(turned[:echo], te_s[: echo + 1]), region, inside)


def _extrapolated(turned: Real, te_s: Sequence[float]) -> Real:
    """Phase expected at the last of ``te_s`` from the echoes before it.

    Through the origin from one echo, along the line of two: a phase offset that was left in then
    does no harm.
    """
    if len(turned) == 1:
        return np.asarray(turned[0] * np.float32(te_s[1] / te_s[0]))
    slope = (te_s[-1] - te_s[-2]) / (te_s[-2] - te_s[-3])
    return np.asarray(turned[-1] + np.float32(slope) * (turned[-1] - turned[-2]))


def _shift(
    phase: Real, predicted: Real, region: NDArray[np.int32], inside: NDArray[np.bool_]
) -> None:
    """Add the median number of turns by which each region misses the prediction, in place."""
    bins = 2 * _MOST_TURNS + 1
    labels = region[inside]
    missed = np.rint((predicted[inside] - phase[inside]) / _TURN).astype(np.int64)
    column = np.clip(missed, -_MOST_TURNS, _MOST_TURNS) + _MOST_TURNS
    rows = int(region.max()) + 1
    count = np.bincount(labels * bins + column, minlength=rows * bins).reshape(rows, bins)
    half = count.sum(axis=1, keepdims=True) / 2
    median = (count.cumsum(axis=1) < half).sum(axis=1) - _MOST_TURNS
    median[count.sum(axis=1) == 0] = 0
    phase += np.float32(_TURN) * median[region].astype(np.float32)


def _inside(
    turned: Real, quality: Real, region: NDArray[np.int32], inside: NDArray[np.bool_]
) -> Unwrapped:
    turned *= inside
    return Unwrapped(turned, quality * inside, region * inside)
