"""The table of centre-lines lies where its reader looks."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamrecon_gadgets.maps.veins import FindVeins

from streamrecon.model.geometry import Geometry
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.gadget import Context

GRID = Geometry((24, 21, 20), (1.0, 1.0, 1.0), np.eye(3)[::-1])


def one_vein(*, is_brain: bool = True) -> SimpleNamespace:
    """A map with a straight vein of 2 mm along S, as `FindVeins` takes it."""
    _, y, x = np.indices(GRID.shape)
    vein = (y - 10) ** 2 + (x - 9) ** 2 <= 4
    noise = np.random.default_rng(1).normal(0, 0.005, GRID.shape)
    return SimpleNamespace(
        chi_ppm=np.float32(0.4 * vein + noise),
        mask=np.ones(GRID.shape, bool),
        scan=SimpleNamespace(geometry=GRID, comments=()),
        repetition=0,
        comments=(),
        is_preview=False,
        found=SimpleNamespace(total=SimpleNamespace(is_brain=is_brain)),
    )


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ({"tables": "images"}, "images"),
        ({"storage": "storage"}, "storage/veins"),
        ({"tables": "images", "storage": "storage"}, "images"),
    ],
    ids=["replay", "service", "replay with a storage"],
)
def test_the_table_lies_beside_the_images_of_a_replay_else_in_the_storage(
    context: dict[str, str], place: str, tmp_path: Path
) -> None:
    gadget = FindVeins()
    gadget.enter(Context(**{name: tmp_path / folder for name, folder in context.items()}))

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
