"""Counts the lines of a volume against those it is to have: all within the limits, or a lattice.

Whatever is decided here follows from the order of the lines, never from how many came at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.lattice import ALL_LINES, Lattice, fitting, lattices_of
from streamrecon.recon.kspace.encoding_grid import Grid

Counters = NDArray[np.integer]
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


class FilledLines:
    """How often each line has come, and what that completes.

    Parameters
    ----------
    grid
        The axes.
    n_echoes
        Size E.
    n_averages
        How many times each line will come.
    factor
        Lines for each one that is taken: the acceleration.
    """

    def __init__(self, grid: Grid, *, n_echoes: int, n_averages: int, factor: int) -> None:
        self._grid = grid
        self._n_averages = n_averages
        self._expected = ExpectedLines(grid, factor)
        self.counts = np.zeros((n_echoes, grid.z_lines, grid.y.n_encoded), np.int32)
        """How often each line has come [E, Z, Y]."""
        self.first_axis = ""
        """Axis whose lines were all in first: "y" a plane, "z" a column; empty: none was."""
        self._given = np.zeros((n_echoes, max(self.counts.shape[1:])), bool)
        self._count_missing()

    @property
    def lattice(self) -> Lattice | None:
        """Lines that are taken, as soon as that is known."""
        return self._expected.lattice

    @property
    def n_missing(self) -> int:
        """How many lines are to come, averages counted; many while that is not known."""
        return int(self._missing_in_plane.sum())

    def missing(self) -> NDArray[np.bool_]:
        """Which expected lines have not come [E, Z, Y]."""
        missing: NDArray[np.bool_] = self._expected.lines & (self.counts < self._n_averages)
        return missing

    @property
    def sufficient(self) -> bool:
        """Whether nothing is missing but corners of an ellipse."""
        if self.lattice is None:
            return False
        missing = self.missing()
        return not missing.any() or only_corners(missing, self._expected.lines, self._grid)

    def places(self, kz: Counters, ky: Counters) -> tuple[Places, Places]:
        """Places (z, y) of counters as in the line headers, slices as kz."""
        grid = self._grid
        y = grid.y.place(ky, grid.ky.centre)
        if grid.is_2d:
            return kz.astype(np.int64) - grid.first_slice, y
        return grid.z.place(kz, grid.kz.centre), y

    def inside(self, e: Places, z: Places, y: Places) -> NDArray[np.bool_]:
        """Which places are on the grid."""
        n_echoes, n_z, n_y = self.counts.shape
        return np.asarray((e < n_echoes) & (z >= 0) & (z < n_z) & (y >= 0) & (y < n_y))

    def until_decided(self, z: Places, y: Places) -> int:
        """How many imaging lines come until the lattice is known, or none is missing.

        A line that is not expected is looked at alone: it may come too late.
        """
        if self.lattice is None:
            return self._expected.learn(z, y)
        expected, missing = self._expected.lines[z, y], self.n_missing
        if not missing:
            return min(1, len(z))
        hits, strays = np.flatnonzero(expected), np.flatnonzero(~expected)
        count = int(hits[missing - 1]) + 1 if len(hits) >= missing else len(z)
        return min(count, max(1, int(strays[0]))) if len(strays) else count

    def refuse_late(self, e: Places, z: Places, y: Places) -> None:
        """Refuse lines of a plane or column that was full and has been given out.

        Raises
        ------
        DataError
            Naming the first of them.
        """
        late = self.counts[e, z, y] < self._n_averages
        late &= self._given[e, y if self.first_axis == "z" else z]
        if late.any():
            name = self._name(int(late.argmax()), e, z, y)
            raise DataError(f"line: {name} came when all lines beside it were in")

    def note(self, e: Places, z: Places, y: Places, *, learnt: bool) -> Iterable[tuple[int, int]]:
        """See lines that are in ``counts``; echo and index of what they fill along the first axis.

        ``learnt`` says that the last of them told the lattice.

        Raises
        ------
        DataError
            If a line has come once more than it should.
        """
        again = self.counts[e, z, y] > self._n_averages
        if again.any():
            name = self._name(int(again.argmax()), e, z, y)
            raise DataError(f"line: {name} came more than {self._n_averages} times in one volume")
        if learnt:
            self._count_missing()
            e, z, y = np.nonzero(self.counts)
        else:
            np.subtract.at(self._missing_in_plane, (e, z), self._expected.lines[z, y])
            np.subtract.at(self._missing_in_column, (e, y), self._expected.lines[z, y])
        planes, columns = self._full(e, z, y)
        if not self.first_axis:
            self.first_axis = _axis_of(planes, columns, together=learnt)
        return {"y": planes, "z": columns, "": {}}[self.first_axis].keys()

    def give(self, echo: int, index: int) -> bool:
        """Mark a plane or column as given out; whether it was not before."""
        is_new = not self._given[echo, index]
        self._given[echo, index] = True
        return is_new

    def rest(self) -> list[tuple[int, int]]:
        """Echo and index of what came and was not given out; the first axis is settled by this."""
        self.first_axis = self.first_axis or "y"
        came = self.counts.any(axis=2 if self.first_axis == "y" else 1)
        remaining = np.argwhere(came & ~self._given[:, : came.shape[1]])
        return [(int(e), int(index)) for e, index in remaining]

    def refuse_outside(self, echo: np.int64, ky: np.integer, kz: np.integer) -> None:
        """Refuse a line that is not on the grid.

        Raises
        ------
        DataError
            With its counters.
        """
        n_echoes, n_z, n_y = self.counts.shape
        raise DataError(
            f"line: found echo {echo}, ky {ky}, kz or slice {kz}, "
            f"needed a place in {n_echoes} echoes, {n_y} and {n_z} steps"
        )

    def _count_missing(self) -> None:
        """Lines to come in each plane and column; more than will ever come while none are known."""
        missing = self._expected.lines * (self._n_averages - self.counts)
        if self.lattice is None:
            missing = np.ones_like(self.counts)
        self._missing_in_plane, self._missing_in_column = missing.sum(axis=2), missing.sum(axis=1)

    def _full(self, e: Places, z: Places, y: Places) -> tuple[_Full, _Full]:
        """Planes and columns that these lines fill, each with the number of its last line."""
        expected = self._expected.lines[z, y]
        planes = np.flatnonzero(expected & (self._missing_in_plane[e, z] == 0))
        columns = np.flatnonzero(expected & (self._missing_in_column[e, y] == 0))
        if self._grid.is_2d:
            columns = columns[:0]
        return (
            _last(e[planes], z[planes], planes),
            _last(e[columns], y[columns], columns),
        )

    def _name(self, at: int, e: Places, z: Places, y: Places) -> str:
        grid = self._grid
        ky = y[at] - grid.y.n_encoded // 2 + grid.ky.centre
        kz = grid.first_slice if grid.is_2d else grid.kz.centre - grid.z.n_encoded // 2
        return f"echo {e[at]}, ky {ky}, kz or slice {z[at] + kz}"


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


_Full = dict[tuple[int, int], int]
"""Number of the last line by echo and index."""


def _last(e: Places, index: Places, lines: NDArray[np.intp]) -> _Full:
    return dict(zip(zip(e.tolist(), index.tolist(), strict=True), lines.tolist(), strict=True))


def _axis_of(planes: _Full, columns: _Full, *, together: bool) -> str:
    """Axis of what was full first; planes where both were by one line."""
    if not planes or not columns:
        return "y" if planes else "z" if columns else ""
    return "z" if min(columns.values()) < min(planes.values()) and not together else "y"
