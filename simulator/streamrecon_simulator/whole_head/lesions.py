"""A calcification and a bleed, where a head has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.whole_head.grid import Grid, isotropic_field
from streamrecon_simulator.whole_head.solids import Ball, Place, Point, fill
from streamrecon_simulator.whole_head.tissues import Label

_SITES: tuple[Point, ...] = (
    (34.0, -22.0, 28.0),
    (-36.0, 24.0, 26.0),
    (30.0, 40.0, 22.0),
    (-32.0, -32.0, 20.0),
)
_HOST = (Label.WHITE, Label.GREY, Label.SULCUS)


def paint_lesions(
    labels: NDArray[np.uint8],
    at: Place,
    grid: Grid,
    seed: int,
    *,
    calcification: bool,
    bleed: bool,
) -> None:
    """Write one lesion of each kind that is wanted, 3 to 8 mm across, at places of the seed's."""
    random = np.random.default_rng((seed, 50))
    sites = random.permutation(len(_SITES))
    ripple = isotropic_field(grid, (seed, 51), 3.0) * np.float32(0.6)
    for site, wanted, label in (
        (sites[0], calcification, Label.CALCIFICATION),
        (sites[1], bleed, Label.BLEED),
    ):
        size = random.uniform(2.0, 3.8)
        if wanted:
            lesion = Ball(_SITES[site], (size, 1.15 * size, 0.9 * size))
            fill(labels, at, lesion, label, ripple_mm=ripple, only=_HOST)
