"""Several orientations give the susceptibility that each alone leaves open."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tilted_head import AXIAL, FIVE, places, tilted, turn

from streamrecon.analysis.positions.cosmos import cosmos_closed_form, least_squares_cosmos
from streamrecon.analysis.positions.orientations import adequacy
from streamrecon.analysis.positions.tilted_fields import Position, moved_fields
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry

GRID = Geometry((49, 51, 47), (1.4, 1.3, 1.4), AXIAL)
BALLS = [
    ((-12.0, 6, 4), 7.0, 0.57 * np.eye(3)),
    ((12.0, 7, -3), 6.0, 0.15 * np.eye(3)),
    ((0.0, -13, 6), 6.5, -0.10 * np.eye(3)),
]
OTHER = Geometry((43, 55, 45), (1.6, 1.2, 1.5), turn("z", 12) @ AXIAL, (1.0, -2.0, 0.5))
LEFT_HANDED = Geometry((49, 51, 47), (1.4, 1.3, 1.4), np.diag([-1.0, 1, 1]) @ AXIAL)


AROUND = [
    ((0.0, -39, -12), 6.0, 9.4 * np.eye(3)),  # a sinus, 5 mm away
    ((37.0, 4, -20), 7.0, 9.4 * np.eye(3)),
    ((-37.0, 4, -20), 7.0, 9.4 * np.eye(3)),
    ((3.0, 30, 24), 4.0, -2.5 * np.eye(3)),  # bone
]
SHIMS = [(0.5, -1, 2, 20, -30, 15), (-1.0, 2, 1, -25, 10, -20), (0.0, 0, 3, 0, 0, 30)]


def positions(
    tilts: list[tuple[str, int]] = FIVE,
    grids: tuple[Geometry, ...] = (GRID, OTHER, LEFT_HANDED, GRID, OTHER),
    noise: float = 0.002,
    *,
    is_total: bool = False,
) -> list[Position]:
    """The first head is not moved; the others also shift by 2 mm."""
    return [
        tilted(
            BALLS,
            turn(axis, degrees),
            grid,
            (2.0 if n else 0.0, -1.0 if n else 0.0, 0),
            noise=noise,
            around=AROUND if is_total else (),
            shim_ppm=SHIMS[n % 3] if is_total else (),
        )
        for n, ((axis, degrees), grid) in enumerate(zip(tilts, grids, strict=False))
    ]


def means(chi: np.ndarray) -> list[float]:
    """Of each ball without its rim, against the space between them."""
    at = places(GRID)
    distance = [np.linalg.norm(at - c, axis=-1) - r for c, r, _ in BALLS]
    between = np.min(distance, axis=0) > 4
    between &= np.linalg.norm(at, axis=-1) < 26
    return [chi[d < -1.5].mean() - chi[between].mean() for d in distance]


def test_five_orientations_on_three_grids_give_every_ball() -> None:
    found = least_squares_cosmos(moved_fields(positions()))

    truth = [t[0, 0] for _, _, t in BALLS]
    assert means(found.chi_ppm) == pytest.approx(truth, rel=0.03, abs=0.004)


def test_air_around_the_head_and_another_shim_each_time_cost_nothing() -> None:
    """Their field is four times that of the balls, and is not removed before."""
    scans = positions(is_total=True)

    found = least_squares_cosmos(moved_fields(scans))

    truth = [t[0, 0] for _, _, t in BALLS]
    assert means(found.chi_ppm) == pytest.approx(truth, rel=0.03, abs=0.004)


def test_the_closed_form_gives_them_too() -> None:
    found = cosmos_closed_form(moved_fields(positions()))

    truth = [t[0, 0] for _, _, t in BALLS]
    assert found.damping == 0
    assert means(found.chi_ppm) == pytest.approx(truth, rel=0.05, abs=0.008)  # the rim is cut


def test_one_orientation_alone_does_not() -> None:
    found = cosmos_closed_form(moved_fields(positions()[:1]))

    assert found.damping > 0
    assert means(found.chi_ppm)[0] < 0.95 * 0.57


def test_three_degrees_of_error_are_borne() -> None:
    wrong = positions()
    off = np.eye(4)
    off[:3, :3] = turn("x", 3)
    wrong[1] = type(wrong[1])(
        wrong[1].field_ppm, wrong[1].mask, wrong[1].geometry, off @ wrong[1].motion
    )

    truth = [t[0, 0] for _, _, t in BALLS]
    assert means(least_squares_cosmos(moved_fields(wrong)).chi_ppm) == pytest.approx(
        truth, rel=0.05, abs=0.008
    )


def test_a_moved_field_is_the_field_of_a_tilted_main_field() -> None:
    """Away from surfaces: cubic splines on a grid of 1.5 mm."""
    first, second = moved_fields(positions(noise=0.0)[:2])

    b = turn("x", 25).T @ [0, 0, 1]
    at = places(GRID)
    expected = np.zeros(GRID.shape)
    nearest = np.full(GRID.shape, np.inf)
    for centre, radius, tensor in BALLS:
        away = at - centre
        r = np.linalg.norm(away, axis=-1)
        cosine = (away @ b) / np.maximum(r, 1e-9)
        expected += np.where(
            r < radius,
            0,
            tensor[0, 0] * (radius / np.maximum(r, 1e-9)) ** 3 * (3 * cosine**2 - 1) / 3,
        )
        nearest = np.minimum(nearest, abs(r - radius))
    inside = second.mask & (nearest > 5)  # a spline rings beside the jump
    assert np.abs(second.field_ppm - expected)[inside].max() < 0.004
    assert first.turned.b0_axis() == pytest.approx((1, 0, 0))
    assert second.turned.b0_axis() == pytest.approx(tuple(b[::-1]))


@pytest.mark.parametrize(
    ("tilts", "condition"),
    [
        (FIVE, 2.4),
        ([("x", 0), ("x", 60), ("x", 120)], 2.0),
        ([("x", 0), ("x", 25), ("y", 25)], 5.1),
        ([("x", 0), ("x", 15), ("x", -15), ("y", 15), ("y", -15)], 4.2),
        ([("x", 0), ("x", 25), ("x", -25)], 17.5),
    ],
)
def test_condition_numbers_are_those_of_the_literature_case_by_case(
    tilts: list[tuple[str, int]], condition: float
) -> None:
    """Worked out beside it by random directions."""
    found = adequacy([turn(*tilt).T @ np.array([0, 0, 1.0]) for tilt in tilts])

    assert found.condition == pytest.approx(condition, rel=0.03)
    assert found.is_adequate == (condition < 10)


def test_the_advice_is_the_tilt_about_the_other_axis() -> None:
    found = adequacy([turn("x", d).T @ np.array([0, 0, 1.0]) for d in (0, 25, -25)])

    assert "about the anterior-posterior axis" in found.advice
    assert float(found.advice.rpartition(" ")[2]) < 6


@pytest.mark.parametrize("degrees", [None, 0.0, 5.0, 21.0, 40.0, 80.0])
def test_one_orientation_or_two_have_no_condition(degrees: float | None) -> None:
    """A plane wave at 54.7° to both is seen by none, and there is always one."""
    up = np.array([0, 0, 1.0])
    others = [] if degrees is None else [turn("x", degrees).T @ up]

    assert math.isinf(adequacy([up, *others]).condition)


def test_the_least_weight_is_that_of_a_search_over_angles() -> None:
    up = np.array([0, 0, 1.0])
    directions = [up, turn("x", 25).T @ up, turn("x", -25).T @ up]

    polar, around, reach = 0.8, 3.0, 3.0
    for _ in range(12):  # a grid that is drawn in around the least
        p, a = np.meshgrid(*(np.linspace(c - reach, c + reach, 601) for c in (polar, around)))
        k = np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)])
        seen = sum((1 / 3 - np.tensordot(b, k, 1) ** 2) ** 2 for b in directions)
        at = np.unravel_index(np.argmin(seen), p.shape)
        polar, around, reach = float(p[at]), float(a[at]), reach / 5

    assert adequacy(directions).least_weight == pytest.approx(float(np.min(seen)), rel=1e-6)


def test_heads_that_do_not_overlap_are_refused() -> None:
    one, two = positions()[:2]
    far = two.motion.copy()
    far[:3, 3] += 500

    with pytest.raises(ReconError, match="no voxel that all 2 masks"):
        least_squares_cosmos(
            moved_fields([one, type(two)(two.field_ppm, two.mask, two.geometry, far)])
        )
