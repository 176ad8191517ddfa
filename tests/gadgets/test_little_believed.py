"""A field that few voxels bear out is told with a warning."""

from __future__ import annotations

import numpy as np
from streamrecon_gadgets.maps.field import MapField

from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Echoes, Regions
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, SignOrigin

GRID = Geometry((24, 30, 28), (2.0, 2.0, 2.0), np.eye(3)[::-1])
TE_S = (0.004, 0.008, 0.012, 0.016)


def warnings(fat: float) -> list[str]:
    """Of a ball; in a part of it the phase follows no line, as fat, flow and breathing make it."""
    rng = np.random.default_rng(5)
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in GRID.shape), indexing="ij")
    ball = (z / 10) ** 2 + (y / 13) ** 2 + (x / 12) ** 2 < 1
    beating = ball & (y < np.quantile(y[ball], fat))
    turn = beating * rng.uniform(-2, 2, (4, *GRID.shape))
    data = 100 * ball * np.exp(1j * turn) + rng.normal(0, 1, (4, *GRID.shape))
    scan = bare_scan(GRID, TE_S, 3.0, PhaseSign(1, SignOrigin.GIVEN))
    gadget = MapField()
    list(gadget.feed(Regions(ball)))
    made = gadget.feed(Echoes(data.astype(np.complex64), scan))
    return [item.text for item in made if isinstance(item, Notice) and item.level is Level.WARNING]


def test_a_mask_that_is_mostly_not_believed_is_a_warning() -> None:
    (text,) = warnings(fat=0.65)

    assert "% of the mask is believed" in text


def test_some_voxels_without_belief_are_none() -> None:
    assert warnings(fat=0.2) == []
