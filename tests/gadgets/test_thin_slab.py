"""χ of too thin a slab is a warning, and every image of it says so."""

from __future__ import annotations

import numpy as np
from made_maps import total_field_of
from streamrecon_gadgets.maps.susceptibility import InvertField

from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.field_maps import LocalFieldMap
from streamrecon.qsm.pipeline import Quality

TE_S = (0.004, 0.008)


def made(slices: int, *, is_brain: bool = True) -> tuple[list[Notice], Volume]:
    """Notices and χ of a square of 60 mm, without field, in slices of 3 mm."""
    grid = Geometry((slices, 40, 40), (3.0, 2.0, 2.0), np.eye(3)[::-1])
    mask = np.zeros(grid.shape, bool)
    mask[:, 5:35, 5:35] = True
    field = np.random.default_rng(2).normal(0, 0.01, grid.shape)
    sd = np.full(grid.shape, 0.01)
    total = total_field_of(mask, field_ppm=field, sd_ppm=sd, magnitude=mask, is_brain=is_brain)
    local = LocalField("given", total.fit.field_ppm * mask, mask)
    scan = bare_scan(grid, TE_S, 3.0, PhaseSign(1, SignOrigin.GIVEN))
    items = list(InvertField().feed(LocalFieldMap(local, total, Quality.FAST, scan)))
    (volume,) = (item for item in items if isinstance(item, Volume))
    return [item for item in items if isinstance(item, Notice)], volume


def test_one_slice_is_a_warning_of_its_own() -> None:
    notices, volume = made(1)

    first, doubt = notices
    assert "too thin" not in first.text
    assert doubt.level is Level.WARNING
    assert doubt.text.startswith("susceptibility: map, quality fast; slab too thin for χ: found 3 ")
    assert any(text.startswith("slab too thin for χ") for text in volume.comments)


def test_a_thin_slab_that_gives_a_map_is_none() -> None:
    notices, volume = made(6)

    (only,) = notices
    assert only.level is Level.INFO
    assert "thin slab: 18 mm of tissue" in only.text
    assert any(text.startswith("thin slab: 18 mm") for text in volume.comments)


def test_the_zero_is_that_of_a_brain_where_one_was_recognised_alone() -> None:
    zeros = [
        next(text for text in made(6, is_brain=is_brain)[1].comments if text.startswith("zero: "))
        for is_brain in (True, False)
    ]

    assert zeros == ["zero: whole brain", "zero: whole mask"]
