"""Echoes, susceptibility and veins of one volume as a chain gives them to its readings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lesion_scene import Ball, oblique, scene
from made_maps import chi_map, total_field_of
from narrowing import all_of
from streamrecon_gadgets.maps.readings import MakeReadings

from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.images import Echoes, Volume, volume_of
from streamrecon.model.notice import Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.stream.gadget import Context

GRID = oblique((31, 37, 35), (1.2, 1.0, 1.0))
BALLS = (Ball((-6.0, 5.0, 4.0), 2.0, 0.8), Ball((6.2, -5.1, -5.3), 1.5, -0.8))


Item = Echoes | ChiMap | Volume


def items(*, is_brain: bool = True) -> list[Item]:
    """Echoes, susceptibility and veins of one volume, as a chain has them."""
    maps = scene(GRID, BALLS)
    scan = bare_scan(GRID, maps.te_s, 3.0, PhaseSign(1, SignOrigin.GIVEN), name="brain 1 mm")
    total = total_field_of(
        maps.mask, field_ppm=maps.local_field_ppm, sd_ppm=maps.field_sd_ppm, is_brain=is_brain
    )
    chi = chi_map(np.where(maps.mask, maps.chi_ppm, 0), total, scan)
    veins = volume_of(scan, Quantity.VEINS, np.zeros(GRID.shape, np.float32), 0)
    return [Echoes(maps.magnitude.astype(np.complex64), scan), chi, veins]


def read(
    gadget: MakeReadings,
    given: list[Item],
    *,
    storage: Path | None = None,
    tables: Path | None = None,
) -> list[Notice]:
    """What it says at the end; everything else must have gone on before."""
    gadget.enter(Context(storage=storage, tables=tables))
    assert [out for item in given for out in gadget.feed(item)] == given
    return all_of(Notice, gadget.finish())
