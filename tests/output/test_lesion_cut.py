"""Pictures are cut where a lesion was read, on oblique grids too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dicom_scans import GRIDS

from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.cuts import cuts_of
from streamrecon.output.preview.shown import Shown
from streamrecon.output.readings import lesion_below, strongest_lesion
from streamrecon.web.pictures import facts_of

NAMES = ("moment", "left", "posterior", "superior", "size")
LARGE = Geometry((9, 15, 13), (4.0, 2.0, 3.0), GRIDS["oblique"].axes_lps, (3.0, -5.0, 8.0))
GRID_LIST = [LARGE, Geometry(LARGE.shape, LARGE.voxel_mm, -LARGE.axes_lps, (3.0, -5.0, 8.0))]


def spotted(grid: Geometry, voxel: tuple[int, int, int]) -> tuple[Shown, tuple[float, ...]]:
    """Noise with one bright voxel, and where that lies in the patient."""
    values = np.random.default_rng(0).uniform(0.1, 0.5, grid.shape).astype(np.float32)
    values[voxel] = 1.0
    place = grid.affine_lps() @ (*voxel, 1)
    return Shown("magnitude", values, grid, "", Quantity.MAGNITUDE), tuple(place[:3] + 0.4)


@pytest.mark.parametrize("grid", GRID_LIST, ids=["oblique", "mirrored"])
def test_all_planes_meet_in_the_voxel_that_lies_there(grid: Geometry) -> None:
    shown, (left, posterior, superior) = spotted(grid, (2, 11, 3))

    (cut,) = cuts_of([shown], (left, posterior, superior))
    (facts,) = facts_of([shown], (left, posterior, superior))

    assert len(cut.planes) == 3
    assert [plane.pixels.max() for plane in cut.planes] == [1.0] * 3
    start = facts["start"]
    assert isinstance(start, dict)
    middle = {"sagittal": 6, "coronal": 7, "axial": 4}
    assert all(start[plane] != number for plane, number in middle.items())


def test_a_place_outside_changes_nothing() -> None:
    shown, _ = spotted(LARGE, (2, 11, 3))

    (there,), (plain,) = cuts_of([shown], (500.0, 0.0, 0.0)), cuts_of([shown])

    for one, other in zip(there.planes, plain.planes, strict=True):
        assert (one.pixels == other.pixels).all()
    assert facts_of([shown])[0]["start"] == {"sagittal": 6, "coronal": 7, "axial": 4}


def lesions(*found: tuple[str, float, float]) -> dict[str, object]:
    """A report's row: subject, moment, how far to the left."""
    values = [
        {"subject": subject, "name": name, "number": number}
        for subject, moment, left in found
        for name, number in zip(NAMES, (moment, left, 2.0, 3.0, None), strict=True)
    ]
    return {"kind": "lesions", "values": values}


def test_the_lesion_with_the_largest_moment_of_either_sign_is_looked_at() -> None:
    rows: list[dict[str, object]] = [
        {"kind": "iron", "values": [{"subject": "a", "name": "moment", "number": 1e9}]}
    ]
    rows += [lesions(("lesion 1", 20.0, 1.0), ("lesion 2", -30.0, 7.0))]

    assert strongest_lesion(rows) == (7.0, 2.0, 3.0)
    assert strongest_lesion([lesions()]) is None
    assert strongest_lesion([{"kind": "lesions", "values": 3}, {"kind": "lesions"}]) is None


def test_one_report_beside_the_images_is_used_and_of_two_none(tmp_path: Path) -> None:
    place = tmp_path / "a_run-1_readings"
    place.mkdir()
    (place / "analysis.json").write_text(json.dumps({"readings": [lesions(("x", 5.0, 1.0))]}))
    one = lesion_below(tmp_path)
    (tmp_path / "analysis.json").write_text("{}")
    two = lesion_below(tmp_path)
    (place / "analysis.json").unlink()

    assert one == (1.0, 2.0, 3.0)
    assert two is None
    assert lesion_below(tmp_path) is None  # no report of ours
