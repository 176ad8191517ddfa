"""The table of centre-lines lies where its reader looks."""

from pathlib import Path

import numpy as np
import pytest
from made_maps import chi_map, total_field_of
from streamrecon_gadgets.maps.veins import FindVeins

from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.stream.gadget import Context

GRID = Geometry((24, 21, 20), (1.0, 1.0, 1.0), np.eye(3)[::-1])


def one_vein(*, is_brain: bool = True, grid: Geometry = GRID) -> ChiMap:
    """A map with a straight vein of 2 voxels along S."""
    _, y, x = np.indices(grid.shape)
    vein = (y - 10) ** 2 + (x - 9) ** 2 <= 4
    noise = np.random.default_rng(1).normal(0, 0.005, grid.shape)
    scan = bare_scan(grid, (0.02,), 3.0, PhaseSign(1, SignOrigin.GIVEN))
    total = total_field_of(np.ones(grid.shape, bool), is_brain=is_brain)
    return chi_map(0.4 * vein + noise, total, scan)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (("images",), "images"),
        (("storage",), "storage/veins"),
        (("images", "storage"), "images"),
    ],
    ids=["replay", "service", "replay with a storage"],
)
def test_the_table_lies_beside_the_images_of_a_replay_else_in_the_storage(
    given: tuple[str, ...], place: str, tmp_path: Path
) -> None:
    gadget = FindVeins()
    folders = {name: tmp_path / name for name in given}
    gadget.enter(Context(tables=folders.get("images"), storage=folders.get("storage")))

    list(gadget.feed(one_vein()))

    (table,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert table == tmp_path / place / "scan_run-1_veins.csv"
    columns, *rows = table.read_text().splitlines()
    assert "radius_mm" in columns and len(rows) > 10


def test_a_table_without_a_folder_is_told() -> None:
    gadget = FindVeins()
    gadget.enter(Context())

    told = [item.text for item in gadget.feed(one_vein()) if isinstance(item, Notice)]

    assert told[0].startswith("veins: 1 pieces") and told[0].endswith("no folder for the table")


def test_an_object_is_searched_only_where_that_is_asked_for() -> None:
    chi = one_vein(is_brain=False)
    by_default, anywhere = FindVeins(), FindVeins(anywhere=True)
    for gadget in (by_default, anywhere):
        gadget.enter(Context())

    passed, told = by_default.feed(chi)
    found = [item.text for item in anywhere.feed(chi) if isinstance(item, Notice)]

    assert passed is chi
    assert told == Notice(Level.INFO, "veins: not looked for, no brain was recognised")
    assert found[0].startswith("veins: 1 pieces")


@pytest.mark.parametrize(("side_mm", "told"), [(1.0, False), (2.0, True)])
def test_what_coarse_voxels_lose_is_told(side_mm: float, told: bool) -> None:
    gadget = FindVeins(table=False)
    gadget.enter(Context())
    coarse = Geometry(GRID.shape, (side_mm, side_mm, side_mm), np.eye(3)[::-1])

    notices = [item for item in gadget.feed(one_vein(grid=coarse)) if isinstance(item, Notice)]

    lost = [notice for notice in notices if "0.4 at 2 mm" in notice.text]
    assert [notice.level for notice in lost] == [Level.WARNING] * told
