"""A whole head that is turned in the scanner: tissue goes with it, B0 stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation
from streamrecon_simulator.__main__ import main
from streamrecon_simulator.phantoms.objects import object_at
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.rotation import rotation
from streamrecon_simulator.truth import truth, voxel_centres
from streamrecon_simulator.whole_head.dipole import field_of_voxels
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.inclusions import Inclusion
from streamrecon_simulator.whole_head.sampling import (
    fields_of_grains,
    grains_at,
    head_at,
    labels_at,
)
from streamrecon_simulator.whole_head.tissues import BRAIN, Label

from streamrecon.model.geometry import Geometry

TURN_DEG, SHIFT_MM = (21.0, -14.0, 9.0), (4.0, -3.0, 2.5)
STRAIGHT = WholeHead(2, grain_mm=2.5)
HEAD = replace(STRAIGHT, turn_deg=TURN_DEG, shift_mm=SHIFT_MM)
TURN = Rotation.from_euler("xyz", TURN_DEG, degrees=True).as_matrix()
GRID = Geometry((72, 84, 76), (2.5, 2.5, 2.5), np.eye(3)[::-1])


def after_the_motion(places_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(TURN @ places_mm + np.reshape(SHIFT_MM, (3, 1)), np.float64)


def test_turns_are_about_axes_that_stay_in_the_order_of_their_names() -> None:
    np.testing.assert_allclose(rotation(*TURN_DEG), TURN, atol=1e-12)


def test_tissue_lies_where_the_motion_brings_it() -> None:
    # Off the borders of grains, where rounding would choose.
    steps = np.random.default_rng(3).integers(-24, 24, (3, 500))
    places = np.asarray(steps * 2.5 + 1.25 + 0.3, np.float64)

    found, expected = head_at(HEAD, after_the_motion(places)), head_at(STRAIGHT, places)

    np.testing.assert_array_equal(found.density, expected.density)
    np.testing.assert_array_equal(found.chi_ppm, expected.chi_ppm)
    np.testing.assert_array_equal(
        labels_at(HEAD, after_the_motion(places)), labels_at(STRAIGHT, places)
    )


def test_field_of_the_brain_is_that_of_its_sources_as_they_lie_in_b0() -> None:
    """The turned χ on the scanner's grid, B0 along S: another way to the same field."""
    points = voxel_centres(GRID)
    brain = np.isin(labels_at(HEAD, points), BRAIN)
    chi = np.where(brain, object_at(HEAD, points).chi_ppm, 0).astype(np.float32)
    expected = field_of_voxels(chi, padding=(40, 40, 40))
    deep = ndimage.binary_erosion(brain, iterations=5)
    fields = (
        expected,
        fields_of_grains(HEAD, grains_at(HEAD, points))[1],
        fields_of_grains(STRAIGHT, grains_at(STRAIGHT, HEAD.own_places(points)))[1],
    )
    # Borders of turned voxels are others: what is finer than some of them is not compared.
    true, found, with_b0_turned = (ndimage.gaussian_filter(each, 2)[deep] for each in fields)

    slope, rest = line_through(true, found)
    assert slope == pytest.approx(1, abs=0.05)
    assert rest < 0.1
    assert line_through(true, with_b0_turned)[1] > 0.5


def line_through(true: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Slope, and what the line does not explain in parts of the true standard deviation."""
    slope, offset = np.polyfit(true, found, 1)
    return float(slope), float((found - slope * true - offset).std() / true.std())


def test_inclusions_turn_with_the_head_and_keep_their_axis_along_b0() -> None:
    ball = Inclusion((31.3, -20.4, 26.1), 5.0, 0.8)
    head = replace(HEAD, inclusions=(ball,))
    middle = after_the_motion(np.reshape(ball.centre_mm, (3, 1)))
    above = middle + np.reshape((0, 0, 5.0), (3, 1))

    added = head_at(head, above).field_ppm - head_at(HEAD, above).field_ppm

    assert added[0] == pytest.approx(0.8 / 12, abs=2e-5)  # on the axis at twice the radius
    assert labels_at(head, middle).tolist() == [Label.BLEED]


def test_truth_and_lines_are_of_the_turned_head() -> None:
    scene = replace(
        SCENES["whole-head"], phantom=HEAD, matrix=(44, 48, 44), voxel_mm=(5.0, 5.0, 5.0),
        centre_lps_mm=(0.0, -3.5, -7.0), te_s=(0.004,), snr=float("inf"),
    )  # fmt: skip
    # Points of the straight head are the middles of its grains: rounding moves none of them.
    known, straight = truth(scene), truth(replace(scene, phantom=STRAIGHT))
    middles = [
        np.average(voxel_centres(scene.geometry).reshape(3, -1), axis=1, weights=brain.ravel())
        for brain in (np.asarray(known.brain), np.asarray(straight.brain))
    ]

    assert middles[0] == pytest.approx(after_the_motion(middles[1][:, None])[:, 0], abs=0.5)


@pytest.mark.parametrize("words", [["--turn=18,-4,2"], ["--shift=1,2,-3"]])
def test_only_a_whole_head_is_turned_by_the_command(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["write", "tiny", "-o", "x.h5", *words]) != 0
    assert "whole head" in capsys.readouterr().err
