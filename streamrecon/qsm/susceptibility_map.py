"""A susceptibility map with the fields it was made of, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.reference import Referenced
from streamrecon.qsm.total_field import TotalField


@dataclass(frozen=True, slots=True, eq=False)
class Susceptibility:
    """A finished map with all that led to it.

    Parameters
    ----------
    map
        Susceptibility and its zero.
    mask
        Where it is known [Z, Y, X].
    total, local
        The fields it was made of.
    notices
        What a reader must know.
    converged
        Whether every iteration met its tolerance, or ended where a step changes less than 2 %.
    doubts
        Those of the notices that are warnings.
    """

    map: Referenced
    mask: NDArray[np.bool_]
    total: TotalField
    local: LocalField
    notices: tuple[str, ...]
    converged: bool = True
    doubts: tuple[str, ...] = ()
