"""Inversions that a user may choose by their word, in place of the preset's.

One more is a row here and a module of this wing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.inversion.closed_form import invert_rts, invert_tikhonov, invert_tkd
from streamrecon.qsm.inversion.gradient_cost import find_strength
from streamrecon.qsm.inversion.total_variation import invert_robust, invert_tv
from streamrecon.qsm.solvers import Solution
from streamrecon.qsm.total_field import TotalField


class Inversion(Enum):
    """How a local field becomes susceptibility."""

    PRESET = "preset"
    TKD = "tkd"
    TIKHONOV = "tikhonov"
    RTS = "rts"
    TV = "tv"
    ROBUST_TV = "robust-tv"


Method = Callable[[TotalField, LocalField, Geometry], Solution]


def _tkd(_: TotalField, local: LocalField, geometry: Geometry) -> Solution:
    return _at_once(invert_tkd(local.field_ppm, local.mask, geometry))


def _tikhonov(_: TotalField, local: LocalField, geometry: Geometry) -> Solution:
    return _at_once(invert_tikhonov(local.field_ppm, local.mask, geometry))


def _rts(total: TotalField, local: LocalField, geometry: Geometry) -> Solution:
    return invert_rts(local.field_ppm, local.mask, geometry, weight=total.weight)


def _tv(
    total: TotalField,
    local: LocalField,
    geometry: Geometry,
    *,
    invert: Callable[..., Solution] = invert_tv,
) -> Solution:
    return invert(
        local.field_ppm,
        local.mask,
        geometry,
        strength=_strength(total, local, geometry),
        weight=total.weight,
        magnitude=total.magnitude,
        outside=float(local.is_clean),
    )


def _strength(total: TotalField, local: LocalField, geometry: Geometry) -> float:
    return find_strength(
        local.field_ppm, total.fit.sd_ppm, local.mask, geometry, is_clean=local.is_clean
    ).value


METHODS: dict[Inversion, Method] = {
    Inversion.TKD: _tkd,
    Inversion.TIKHONOV: _tikhonov,
    Inversion.RTS: _rts,
    Inversion.TV: _tv,
    Inversion.ROBUST_TV: partial(_tv, invert=invert_robust),
}
"""Every choice but the preset's own."""


def _at_once(chi_ppm: NDArray[np.float32]) -> Solution:
    """The result of a closed form."""
    return Solution(chi_ppm, 0, 0.0, converged=True)
