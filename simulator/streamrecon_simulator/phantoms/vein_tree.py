"""A tree of veins: curved branches of straight tubes, each leaving a thicker one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.phantoms.shapes import Point, Tube

_BEND_RAD = 0.25  # typical turn from one tube of a branch to the next


def vein_tree(
    *,
    branches: int = 40,
    radii_mm: tuple[float, float] = (0.4, 1.5),
    within_mm: float = 28.0,
    tubes: int = 3,
    tube_mm: float = 6.0,
    seed: int = 5,
) -> tuple[Tube, ...]:
    """Branches from the thickest to the thinnest, in a ball about the origin.

    Every branch but the first leaves a thicker one at the end of one of its tubes, in a direction
    of its own, so that all angles to B0 are there.

    Parameters
    ----------
    branches
        How many; their radii fall evenly over ``radii_mm``.
    radii_mm
        Smallest and largest radius [mm].
    within_mm
        Radius of the ball [mm].
    tubes, tube_mm
        Tubes in a branch, and the length of each [mm].
    seed
        Of the tree's form.
    """
    random = np.random.default_rng(seed)
    grown: list[Tube] = []
    forks: list[NDArray[np.float64]] = [np.array([0.0, 0.0, -0.8 * within_mm])]
    for radius in np.linspace(radii_mm[1], radii_mm[0], branches):
        start = forks[random.integers(len(forks))]
        points = [start, *_path(start, tubes, tube_mm, within_mm, random)]
        grown += [Tube(_point(a), _point(b), float(radius)) for a, b in pairwise(points)]
        forks += points[1:]
    return tuple(grown)


def _path(
    start: NDArray[np.float64],
    tubes: int,
    tube_mm: float,
    within_mm: float,
    random: np.random.Generator,
) -> Iterator[NDArray[np.float64]]:
    """Corners of a branch; it turns back to the middle where it would leave the ball."""
    heading, point = _unit(random.standard_normal(3)), start
    for _ in range(tubes):
        heading = _unit(heading + _BEND_RAD * random.standard_normal(3))
        if np.linalg.norm(point + tube_mm * heading) > within_mm:
            heading = _unit(heading - 2 * point / np.linalg.norm(point))
        point = point + tube_mm * heading
        yield point


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector))


def _point(position: NDArray[np.float64]) -> Point:
    left, posterior, superior = (float(mm) for mm in position)
    return left, posterior, superior
