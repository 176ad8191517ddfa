"""Two passes: strong sources by a first map, then all else from what they leave of the field.

A bleed or a calcification is ten times stronger than tissue. What a map misses of it spreads as
streaks; the second pass sees only what the first left over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import PADDING, field_from_chi
from streamrecon.qsm.solvers import Solution

Real = NDArray[np.float32]

STRONG_PPM = 1.0
"""Susceptibility, from the median of the map, above which a source counts as strong [ppm]."""


def invert_twice(
    solve: Callable[[Real], Solution],
    field_ppm: Real,
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    strong_ppm: float = STRONG_PPM,
) -> tuple[Solution, int]:
    r"""Map of two passes, and the number of voxels that the first took for strong.

    .. math:: \chi_s = \chi_1\,[\,|\chi_1 - \tilde\chi_1| > t\,], \quad
              \chi = \chi_s + \mathrm{solve}(f - D \chi_s)

    One more inversion and two real FFTs; the first map itself where nothing is strong. Both signs
    alike. On a head with a calcification of -3 ppm it takes 4 % off the error around it and brings
    its mean from 70 to 82 % of the truth; regions stay as they are. It mends what one pass leaves
    of a source, not what the field itself lacks: voxels that the source dephased have no weight. A
    vein that passes the threshold is kept in full, noise included. It leads towards the end of the
    iteration, and where that is too strong so is this: an isolated ball of 2 ppm has 1.99 after
    one standard pass, 2.14 after two, and 2.17 after one that is solved to its end.

    Parameters
    ----------
    solve
        The inversion of a local field [Z, Y, X, ppm].
    field_ppm
        Local field [Z, Y, X, ppm], 0 outside the mask.
    mask
        Where it is trusted [Z, Y, X].
    geometry
        Their grid, which also says where B0 points.
    strong_ppm
        t [ppm].

    References
    ----------
    Stewart et al. (2022) Magn Reson Med 87:1289. doi:10.1002/mrm.29048
    """
    first = solve(field_ppm)
    from_median = first.unknown - np.float32(np.median(first.unknown[mask]))
    strong = np.where(mask & (np.abs(from_median) > strong_ppm), from_median, 0)
    count = int(np.count_nonzero(strong))
    if not count:
        return first, 0
    theirs = field_from_chi(strong, geometry, padding=PADDING) * mask
    second = solve(field_ppm - theirs)
    return replace(
        second,
        unknown=(second.unknown + strong).astype(np.float32),
        iterations=first.iterations + second.iterations,
        converged=first.converged and second.converged,
    ), count
