"""Which lines an accelerated scan takes: a lattice in the plane of the two phase axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Step = tuple[int, int]
"""A displacement (z, y) in lines."""


@dataclass(frozen=True, slots=True, order=True)
class Lattice:
    """Every ``every_y``-th column, every ``every_z``-th line of it, sheared by ``shift``.

    Contains (z, y) = (0, 0), and with it every (``every_z``·b + ``shift``·a, ``every_y``·a). Any
    regular pattern can be written so, in one way: CAIPIRINHA along z, along y, or along both.

    Examples
    --------
    >>> Lattice(2, 2, 1).contains(1, 2), Lattice(2, 2, 1).contains(0, 2)
    (True, False)
    >>> Lattice(1, 2).missing
    ((0, 1),)
    """

    every_z: int = 1
    every_y: int = 1
    shift: int = 0

    @property
    def factor(self) -> int:
        """How many lines there are for each one that is taken."""
        return self.every_z * self.every_y

    @property
    def missing(self) -> tuple[Step, ...]:
        """One position (z, y) of each kind that is not taken."""
        cell = ((z, y) for y in range(self.every_y) for z in range(self.every_z))
        return tuple(step for step in cell if step != (0, 0))

    @property
    def aliases(self) -> tuple[tuple[float, float], ...]:
        """Where voxels fold onto each other, (z, y) in fields of view; the voxel itself first."""
        found = []
        for a in range(self.factor):
            for b in range(self.factor):
                z, y = a / self.factor, b / self.factor
                turns = (z * self.every_z, z * self.shift + y * self.every_y)
                if all(abs(turn - round(turn)) < 1e-6 for turn in turns):
                    found.append((z, y))
        return tuple(found)

    def contains(self, z: int, y: int) -> bool:
        """Whether the line at this displacement from one that is taken is taken too."""
        return y % self.every_y == 0 and (z - y // self.every_y * self.shift) % self.every_z == 0

    def mask(self, shape: tuple[int, int], origin: Step) -> NDArray[np.bool_]:
        """Lines taken on a grid [Z, Y], one of them at ``origin``."""
        z = np.arange(shape[0])[:, None] - origin[0]
        y = np.arange(shape[1])[None, :] - origin[1]
        lines = z - y // self.every_y * self.shift
        taken: NDArray[np.bool_] = (y % self.every_y == 0) & (lines % self.every_z == 0)
        return taken


ALL_LINES = Lattice()
"""What a scan without acceleration takes."""


def lattices_of(factor: int) -> tuple[Lattice, ...]:
    """All lattices that take one line in ``factor``.

    >>> len(lattices_of(4))
    7
    """
    return tuple(
        Lattice(every_z, factor // every_z, shift)
        for every_z in range(1, factor + 1)
        if factor % every_z == 0
        for shift in range(every_z)
    )


def fitting(
    lattices: tuple[Lattice, ...], z: NDArray[np.int64], y: NDArray[np.int64]
) -> tuple[Lattice, ...]:
    """Those of the lattices that hold all lines at these displacements from one of theirs."""
    return tuple(
        lattice
        for lattice in lattices
        if not (y % lattice.every_y).any()
        and not ((z - y // lattice.every_y * lattice.shift) % lattice.every_z).any()
    )
