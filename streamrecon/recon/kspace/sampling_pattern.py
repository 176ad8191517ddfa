"""Finds which lines a volume is to have: all within the limits, or a lattice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.lattice import ALL_LINES, Lattice, fitting, lattices_of
from streamrecon.recon.kspace.encoding_grid import Grid

Places = NDArray[np.int64]

_RIM = 0.1  # of the squared radius: programs differ by a line in what they call an ellipse


class ExpectedLines:
    """Lines within the header's limits, on the lattice that the lines themselves tell.

    A header says how many lines are left out, not which: there are seven lattices of one line in
    four, and each may begin anywhere. Lines are compared with all of them until one is left,
    which in a linear order is so with the first lines of the second plane. Lines that fit none
    are those of a scan that took all.

    Parameters
    ----------
    grid
        The axes.
    factor
        Lines for each one that is taken; 1 for all.
    """

    def __init__(self, grid: Grid, factor: int = 1) -> None:
        self._within = _within_limits(grid)
        self._is_2d = grid.is_2d
        self._origin: tuple[int, int] | None = None
        self._candidates = (Lattice(1, factor),) if grid.is_2d else lattices_of(factor)
        self._known = factor == 1
        self.lines = self._within if self._known else np.zeros_like(self._within)

    @property
    def lattice(self) -> Lattice | None:
        """The lattice, as soon as it is known."""
        return self._candidates[0] if self._known else None

    def learn(self, z: Places, y: Places) -> int:
        """Look at the places of imaging lines, up to the one by which ``lines`` are known.

        Returns
        -------
        int
            How many of them were looked at; those behind say nothing.
        """
        for count in range(1, 0 if self._known else len(z) + 1):
            self._look(int(z[count - 1]), int(y[count - 1]))
            if self._known:
                return count
        return len(z)

    def _look(self, z: int, y: int) -> None:
        """One line; its first place alone says nothing."""
        z = 0 if self._is_2d else z
        if self._origin is None:
            self._origin = (z, y)
        dz, dy = z - self._origin[0], y - self._origin[1]
        if dz == dy == 0:
            return
        self._candidates = fitting(self._candidates, np.array([dz]), np.array([dy])) or (ALL_LINES,)
        self._known = len(self._candidates) == 1
        if self._known:
            taken = self._candidates[0].mask(self._within.shape, self._origin)
            self.lines = self._within & taken


def only_corners(missing: NDArray[np.bool_], expected: NDArray[np.bool_], grid: Grid) -> bool:
    """Whether all of the corners is missing and nothing else, as an elliptical scan leaves it.

    A few lines lost in a corner are lost lines: of an ellipse none is there.

    Parameters
    ----------
    missing
        [E, Z, Y].
    expected
        [Z, Y], corners among them.
    grid
        Has the limits, within which the ellipse lies.
    """
    if grid.is_2d:
        return False
    n_z, n_y = expected.shape
    reach_z = max(grid.kz.centre - grid.kz.minimum, grid.kz.maximum - grid.kz.centre)
    reach_y = max(grid.ky.centre - grid.ky.minimum, grid.ky.maximum - grid.ky.centre)
    z = (np.arange(n_z) - n_z // 2)[:, None] / max(reach_z, 1)
    y = (np.arange(n_y) - n_y // 2) / max(reach_y, 1)
    radius = z**2 + y**2
    corners = expected & (radius > 1 + _RIM)
    return bool(missing[:, corners].all()) and not missing[:, radius < 1 - _RIM].any()


def _within_limits(grid: Grid) -> NDArray[np.bool_]:
    expected = np.zeros((grid.z_lines, grid.y.n_encoded), bool)
    y = np.arange(grid.ky.minimum, grid.ky.maximum + 1)
    z = (
        np.arange(grid.n_slices)
        if grid.is_2d
        else grid.z.place(np.arange(grid.kz.minimum, grid.kz.maximum + 1), grid.kz.centre)
    )
    y = grid.y.place(y, grid.ky.centre)
    if y.min() < 0 or y.max() >= expected.shape[1] or z.min() < 0 or z.max() >= expected.shape[0]:
        raise DataError(
            f"encoding limits: found ky {grid.ky} and kz {grid.kz}, needed them inside the "
            f"encoded matrix of {grid.y.n_encoded} by {grid.z.n_encoded} lines"
        )
    expected[np.ix_(z, y)] = True
    return expected
