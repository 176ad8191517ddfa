"""Paths of trusted steps between neighbours, along which phase is unwrapped (ROMEO class).

A step gets a cost from phase coherence, gradient coherence with another echo, straightness and
magnitude. The mean trust in the steps of a voxel is a map of quality, too.

References
----------
Dymerska et al. (2021) Magn Reson Med 85:2294. doi:10.1002/mrm.28563
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.phase._kernels import edge_costs, mean_trust

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]
Costs = NDArray[np.uint8]

_RIM_VOXELS = 2  # paths around a pocket of air may leave the mask this far


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Where phase may be unwrapped, and what the steps of the first echo cost.

    Parameters
    ----------
    phase_rad
        Wrapped phase [E, Z, Y, X, rad]; 0 where it is not finite in some echo.
    weight
        Magnitude of the first echo, flat [V].
    te_s
        Echo times [s].
    inside
        Voxels wanted [Z, Y, X].
    reachable
        Those and a rim of two voxels: paths around a pocket of air may leave the mask.
    costs
        Of the first echo's steps to the next voxel along z, y, x [3, V]: 1 (sure) … 255; 0: none.
    trust
        Mean of the steps at each voxel [Z, Y, X], 0 … 1.
    """

    phase_rad: Real
    weight: Real
    te_s: tuple[float, ...]
    inside: Flags
    reachable: Flags
    costs: Costs
    trust: Real

    @property
    def quality(self) -> Real:
        """Mean trust in the paths through each voxel wanted [Z, Y, X], 0 … 1."""
        return self.trust * self.inside

    def best_first(self) -> NDArray[np.intp]:
        """All voxels that can be reached, the most trusted first."""
        voxels = np.flatnonzero(self.reachable)
        distrust = 255 - (self.trust.ravel()[voxels] * 255).astype(np.uint8)
        return voxels[np.argsort(distrust, kind="stable")]

    def costs_of(self, echo: int, sought: Flags | None = None) -> Costs:
        """Costs of an echo's steps [3, V]; of those alone that touch a voxel ``sought``, if given.

        Steps between voxels whose turns are known are never taken.
        """
        if not echo and sought is None:
            return self.costs
        touched = self.reachable if sought is None else sought
        return _costs(self.phase_rad, self.weight, (self.reachable, touched), self.te_s, echo)


def paths_of(
    phase_rad: NDArray[np.floating],
    magnitude: NDArray[np.floating],
    mask: Flags,
    te_s: Sequence[float],
) -> Paths:
    """Paths within a mask, before anything is unwrapped.

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
    finite = np.isfinite(phase_rad).all(axis=0)
    inside = mask & finite
    if not inside.any():
        raise ReconError(
            f"unwrapping: found {int(mask.sum())} voxels in the mask and none with a finite phase"
        )
    phase = np.asarray(phase_rad, np.float32)  # not changed here: a copy only where it must be
    phase = phase if finite.all() else np.where(finite, phase, np.float32(0))
    reachable = binary_dilation(inside, iterations=_RIM_VOXELS) & finite
    weight = np.nan_to_num(np.asarray(magnitude[0], np.float32)).ravel()
    times = tuple(te_s)
    costs = _costs(phase, weight, (reachable, reachable), times, 0)
    trust = _trust(costs, reachable)
    return Paths(phase, weight, times, inside, reachable, costs, trust)


def steps(shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Distance in a flat array to the next voxel along z, y and x.

    >>> steps((2, 3, 4))
    array([12,  4,  1], dtype=int32)
    """
    return np.array([shape[1] * shape[2], shape[2], 1], np.int32)


def _costs(
    phase: Real, weight: Real, where: tuple[Flags, Flags], te_s: tuple[float, ...], echo: int
) -> Costs:
    reachable, sought = where
    other = echo - 1 if echo else min(1, len(te_s) - 1)
    alone = other == echo
    second = np.empty(0, np.float32) if alone else phase[other].ravel()
    costs = np.empty((3, reachable.size), np.uint8)
    flat, ratio = phase[echo].ravel(), te_s[echo] / te_s[other]
    inside, touched = reachable.ravel(), sought.ravel()

    def chunk(z: range) -> None:
        for axis in range(3):
            edge_costs(
                flat, second, ratio, weight, inside, touched, reachable.shape, axis, costs[axis],
                z.start, z.stop,
            )  # fmt: skip

    at_once(chunk, len(reachable))
    return costs


def _trust(costs: Costs, reachable: Flags) -> Real:
    trust = np.empty(reachable.size, np.float32)
    step, inside = steps(reachable.shape), reachable.ravel()
    at_once(lambda v: mean_trust(costs, step, inside, trust, v.start, v.stop), reachable.size)
    return trust.reshape(reachable.shape)
