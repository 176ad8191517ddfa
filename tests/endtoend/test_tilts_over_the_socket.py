"""Raw scans of a head in four positions, one after another through a service that is restarted.

The head turns in coils that stay; the slab stays, or follows it. What the client is told is
compared with the turns that were simulated, worked out from the rotations alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from math import inf, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.whole_head.head import WholeHead
from wire_service import serving

from streamrecon.client import Request, Server, send
from streamrecon.console import Watch
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.messages import ConfigFile

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

TURNS = ((3.0, -2.0, 4.0), (15.0, -1.0, -6.0), (1.0, -13.0, 8.0), (2.0, 18.0, -3.0))
"""Degrees about L, P and S. The first lies askew, too; turns about S are no tilts."""
SHIFTS_MM = ((0.0, 0.0, 0.0), (2.0, -3.0, -4.0), (-4.0, 2.0, 3.0), (3.0, 1.0, 1.0))
SLABS_DEG = ((0.0, 0.0), (0.0, 0.0), (1.0, -13.0), (0.0, 0.0))
"""The third scan's slab was turned with the head."""
ASKED = Request(
    ConfigFile("gre_readings"),
    Dialect.FIRE,
    {
        "MakeReadings.readings": "orientations",
        "MakeReadings.seconds": "10000",  # whatever else runs here
        "RemoveBackground.quality": "fast",
    },
)
OF_POSITION = re.compile(
    r"position (\d) ([\d.]+)° from the first \(([+-]\d+)° about left-right, "
    r"([+-]\d+)° about anterior-posterior\)"
)
OF_ALL = re.compile(r"condition ([\d.]+|inf) of (\d) \((given|flagged)\)")
OF_NEXT = re.compile(r"one more at ([+-]\d+)° about the (\S+) axis: condition ([\d.]+)")


@dataclass(frozen=True)
class Said:
    """What the client was told behind the images of a scan."""

    text: str

    @property
    def condition(self) -> tuple[float, int, str]:
        """Number, positions that it is of, outcome."""
        found = OF_ALL.search(self.text)
        assert found is not None, self.text
        return float(found[1]), int(found[2]), found[3]

    @property
    def tilt(self) -> tuple[int, float, float, float]:
        """Number of the position, its angle to the first, about left-right, anterior-posterior."""
        found = OF_POSITION.search(self.text)
        assert found is not None, self.text
        return int(found[1]), float(found[2]), float(found[3]), float(found[4])

    @property
    def needed(self) -> tuple[float, str, float]:
        """Degrees and axis of the tilt that is still needed, and the condition that it gives."""
        found = OF_NEXT.search(self.text)
        assert found is not None, self.text
        return float(found[1]), found[2], float(found[3])


@dataclass(frozen=True)
class Visit:
    """Four scans of one head, and one of another between its second and third."""

    of_head: tuple[Said, ...]
    of_other: Said
    storage: Path


def scene(number: int) -> Scene:
    """A position of the head: 2.5 mm, three echoes, four coils, noise."""
    return replace(
        SCENES["whole-head"],
        phantom=WholeHead(
            2, grain_mm=2.0, turn_deg=TURNS[number], shift_mm=SHIFTS_MM[number]
        ),
        matrix=(66, 80, 68),
        voxel_mm=(2.5, 2.5, 2.5),
        centre_lps_mm=(0.0, -4.0, 14.0),
        tilt_deg=SLABS_DEG[number],
        te_s=(0.004, 0.011, 0.018),
        n_coils=4,
        study_uid="1.2.840.7.1",
        seed=10 + number,
    )  # fmt: skip


def another() -> Scene:
    """Somebody else, in the same slab as the second scan."""
    head = WholeHead(5, grain_mm=2.0)
    return replace(scene(1), phantom=head, study_uid="1.2.840.7.2", seed=20)


def told(scanned: Scene, server: Server) -> Said:
    """The notice of the orientations, of which there must be one."""
    with Watch(live=False) as watch:
        reply = send(simulate(scanned).messages(), server, ASKED, watch)
    assert reply.complete, [str(notice) for notice in reply.notices]
    (said,) = (str(each) for each in reply.notices if "orientations" in str(each))
    return Said(said)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """The service ends before the last scan and begins anew with the same storage."""
    storage = tmp_path_factory.mktemp("storage")
    with serving(storage) as server:
        before = [told(scene(0), server), told(scene(1), server)]
        other = told(another(), server)
        before.append(told(scene(2), server))
    with serving(storage) as server:
        return Visit((*before, told(scene(3), server)), other, storage)


def directions(count: int) -> list[np.ndarray]:
    """B0 in the head as it lay in the first scan, from the turns that were simulated."""
    turns = [Rotation.from_euler("xyz", turn, degrees=True).as_matrix() for turn in TURNS[:count]]
    return [turns[0] @ turn.T @ (0.0, 0.0, 1.0) for turn in turns]


def condition(seen: list[np.ndarray]) -> float:
    """Of the equations for χ at directions of k-space that are drawn."""
    k = np.random.default_rng(0).normal(size=(400_000, 3))
    k /= np.linalg.norm(k, axis=1, keepdims=True)
    squares = sum((1 / 3 - (k @ b) ** 2) ** 2 for b in seen)
    return sqrt(squares.max() / squares.min())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_client_is_told_how_far_the_head_is_tilted(visit: Visit, number: int) -> None:
    first, *_, b = directions(number + 1)
    angles = [np.arccos(b @ first), np.arctan2(b[1], b[2]), np.arctan2(-b[0], b[2])]

    position, *found = visit.of_head[number].tilt

    assert position == number + 1
    # Registration is within 0.5°, and two of them are told in whole degrees.
    np.testing.assert_allclose(found, np.degrees(angles), atol=1)


@pytest.mark.parametrize("number", [2, 3])
def test_the_client_is_told_the_condition_of_the_true_tilts(visit: Visit, number: int) -> None:
    found, count, outcome = visit.of_head[number].condition

    true = condition(directions(number + 1))
    assert count == number + 1
    assert found == pytest.approx(true, rel=0.1)  # half a degree of 12° is 4 % of a tilt, twice
    assert outcome == ("given" if true < 10 else "flagged")


def test_one_position_and_two_are_never_enough(visit: Visit) -> None:
    assert [said.condition for said in visit.of_head[:2]] == [
        (inf, 1, "flagged"), (inf, 2, "flagged"),
    ]  # fmt: skip
    assert "and another about the other one" in visit.of_head[0].text


@pytest.mark.parametrize("number", [1, 2])
def test_the_tilt_that_is_asked_for_gives_the_condition_that_is_foretold(
    visit: Visit, number: int
) -> None:
    degrees, axis, foretold = visit.of_head[number].needed

    assert axis == "anterior-posterior"
    turn = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    seen = [*directions(number + 1), turn.T @ (0.0, 0.0, 1.0)]
    assert foretold == pytest.approx(condition(seen), rel=0.1)


def test_the_tilt_that_was_asked_for_is_enough(visit: Visit) -> None:
    """The fourth scan did what was asked for after the third."""
    degrees, _, foretold = visit.of_head[2].needed

    assert degrees == 20
    assert visit.of_head[3].tilt[3] == pytest.approx(degrees, abs=1)
    assert visit.of_head[3].condition[0] == pytest.approx(foretold, rel=0.15)  # 2° about the other
    assert "one more" not in visit.of_head[3].text


def test_another_head_in_between_counts_for_itself(visit: Visit) -> None:
    assert visit.of_other.condition == (inf, 1, "flagged")
    assert visit.of_head[2].condition[1] == 3


def test_the_report_of_the_last_scan_has_the_tilts_of_all(visit: Visit) -> None:
    """Those before the service was restarted, too."""
    reports = (visit.storage / "readings").glob("*/analysis.json")
    readings = [json.loads(path.read_text(encoding="utf-8"))["readings"][0] for path in reports]
    (last,) = (each for each in readings if each["parameters"]["positions"] == 4)

    tilts = [value["number"] for value in last["values"] if value["name"] == "tilt"]

    first, *others = directions(4)
    assert tilts == pytest.approx(np.degrees([np.arccos(b @ first) for b in others]), abs=0.5)
    likeness = [value["number"] for value in last["values"] if value["name"] == "likeness"]
    assert min(likeness) > 0.8
