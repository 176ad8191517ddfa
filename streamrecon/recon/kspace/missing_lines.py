"""Describes missing lines in words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from streamrecon.recon.kspace.encoding_grid import Grid

_GROUPS_NAMED = 4  # a sentence, not a list of a thousand lines


def name_lines(missing: NDArray[np.bool_], grid: Grid) -> str:
    """Which lines are missing, by the counters of their headers, the first few groups of them.

    Parameters
    ----------
    missing
        [E, Z, Y] on the encoded grid.
    grid
        Tells the counters of each place.

    Examples
    --------
    >>> from streamrecon.model.scan import CounterRange
    >>> from streamrecon.recon.kspace.encoding_grid import axis
    >>> grid = Grid(axis(1, 5, 1, 5), axis(8, 8, 8, 8), axis(8, 8, 8, 8),
    ...             ky=CounterRange(0, 7, 4), kz=CounterRange(), n_slices=3)
    >>> missing = np.zeros((2, 3, 8), bool)
    >>> missing[1, 2, [0, 1, 2, 6]] = True
    >>> name_lines(missing, grid)
    '4 of 48 lines (echo 1, slice 2, ky 0-2, 6)'
    """
    ky = np.arange(missing.shape[2]) - grid.y.n_encoded // 2 + grid.ky.centre
    if grid.is_2d:
        word, kz = "slice", np.arange(missing.shape[1]) + grid.first_slice
    else:
        word, kz = "kz", np.arange(missing.shape[1]) - grid.z.n_encoded // 2 + grid.kz.centre
    groups = np.argwhere(missing.any(axis=2)).tolist()
    named = [
        f"echo {e}, {word} {kz[z]}, ky {_ranges(ky[missing[e, z]].tolist())}"
        for e, z in groups[:_GROUPS_NAMED]
    ]
    if len(groups) > _GROUPS_NAMED:
        named.append(f"and in {len(groups) - _GROUPS_NAMED} more")
    return f"{int(missing.sum())} of {missing.size} lines ({'; '.join(named)})"


def _ranges(numbers: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
