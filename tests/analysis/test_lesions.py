"""Bleeds and calcifications of known moment are found, told apart and measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lesion_scene import Ball, oblique, scene

from streamrecon.analysis.lesion.lesion_darkness import echoes_of_voids, missing_mm3
from streamrecon.analysis.lesion.lesion_features import depth_of
from streamrecon.analysis.lesion.lesion_reading import reading_of_lesions
from streamrecon.analysis.lesion.lesion_sites import LesionMaps
from streamrecon.analysis.lesion.lesions import Lesion, LesionClass, Lesions, find_lesions
from streamrecon.analysis.reading import Outcome
from streamrecon.errors import ReconError

GRID = oblique((43, 47, 51), (1.2, 0.9, 1.0))
BALLS = (
    Ball((-9.3, -6.2, -9.1), 2.0, 0.9),
    Ball((8.4, 9.8, -8.2), 2.0, -0.9),
    Ball((-7.1, 9.2, 9.4), 1.0, -1.2),
    Ball((9.6, -9.7, 10.2), 1.0, 1.2),
    Ball((0.3, 0.4, -0.2), 1.0, 0.5),
)


@pytest.fixture(scope="module")
def maps() -> LesionMaps:
    return scene(GRID, BALLS)


@pytest.fixture(scope="module")
def lesions(maps: LesionMaps) -> Lesions:
    return find_lesions(maps)


def nearest(lesions: Lesions, ball: Ball) -> Lesion:
    """The lesion beside a ball; its place in the patient is that of its voxel axes."""
    place = GRID.axes_lps.T @ np.array(ball.centre_mm)
    away = [np.linalg.norm(np.subtract(each.position_lps_mm, place)) for each in lesions.found]
    assert min(away) < 0.3  # mm, a third of a voxel
    return lesions.found[int(np.argmin(away))]


@pytest.mark.parametrize("ball", BALLS, ids=str)
def test_each_ball_is_found_with_its_sign_and_moment(lesions: Lesions, ball: Ball) -> None:
    found = nearest(lesions, ball)

    expected = LesionClass.BLEED if ball.step_ppm > 0 else LesionClass.CALCIFICATION
    assert found.kind is expected
    # Texture of 10 ppb on a ball of 4 mm³ is a moment of its own, some tenths of ppm mm³.
    assert found.dipole.moment_ppm_mm3 == pytest.approx(ball.moment, rel=0.12, abs=0.2)
    assert abs(found.dipole.moment_ppm_mm3 - ball.moment) < 4 * found.sigma_ppm_mm3


def test_nothing_else_is_a_lesion(lesions: Lesions) -> None:
    others = [each for each in lesions.found if each.kind is not LesionClass.VESSEL]

    assert len(others) == len(BALLS)
    moments = [abs(each.dipole.moment_ppm_mm3) for each in lesions.found]
    assert moments == sorted(moments, reverse=True)
    for each in lesions.found:
        assert lesions.labels[each.site.voxel] == each.number


def test_the_moment_does_not_follow_what_the_map_shows_of_a_lesion(lesions: Lesions) -> None:
    pale = find_lesions(scene(GRID, BALLS, shows=0.5))

    for ball in BALLS[:4]:
        bright, dim = nearest(lesions, ball), nearest(pale, ball)
        assert dim.features.mean_chi_ppm / bright.features.mean_chi_ppm == pytest.approx(
            0.5 / 0.8, rel=0.15
        )
        assert dim.dipole.moment_ppm_mm3 == pytest.approx(bright.dipole.moment_ppm_mm3, rel=0.1)


def test_the_other_sign_gives_the_other_class_and_the_same_moment(maps: LesionMaps) -> None:
    turned = replace(maps, chi_ppm=-maps.chi_ppm, local_field_ppm=-maps.local_field_ppm)

    found = find_lesions(turned)

    for ball in BALLS[:2]:
        lesion = nearest(found, ball)
        assert lesion.dipole.moment_ppm_mm3 == pytest.approx(-ball.moment, rel=0.12)
        assert (lesion.kind is LesionClass.BLEED) == (ball.step_ppm < 0)


def test_a_vein_is_no_lesion_and_a_ball_beside_it_keeps_its_moment() -> None:
    ball = Ball((0.0, -8.0, 2.0), 1.5, 0.8)  # 5 mm from the vein's middle

    found = find_lesions(scene(GRID, [ball], vein_mm=1.0))

    lesions = [each for each in found.found if each.kind is not LesionClass.VESSEL]
    assert [each.kind for each in lesions] == [LesionClass.BLEED]
    assert lesions[0].dipole.moment_ppm_mm3 == pytest.approx(ball.moment, rel=0.15)


def test_a_paramagnetic_place_that_is_not_dark_is_a_vessel(maps: LesionMaps) -> None:
    bright = replace(maps, magnitude=np.ones_like(maps.magnitude))

    kinds = {each.dipole.moment_ppm_mm3 > 0: each.kind for each in find_lesions(bright).found}

    assert kinds == {True: LesionClass.VESSEL, False: LesionClass.INDETERMINATE}


def test_a_round_dark_place_stays_a_bleed_where_the_map_of_veins_covers_it(
    maps: LesionMaps, lesions: Lesions
) -> None:
    ball = BALLS[0]
    covered = lesions.labels == nearest(lesions, ball).number

    found = nearest(find_lesions(replace(maps, veins=covered)), ball)

    assert found.kind is LesionClass.BLEED
    assert "touches a vein" in found.flags


def test_tissue_alone_has_no_lesion() -> None:
    found = find_lesions(scene(GRID, [], texture_ppm=0.02))

    assert [each for each in found.found if each.kind is not LesionClass.VESSEL] == []


def test_an_echo_of_a_strong_lesion_is_left_out() -> None:
    strong = Ball((0.0, 0.0, 0.0), 2.5, 4.5)
    faint = Ball((8.0, 0.0, 8.0), 1.0, -0.17)  # 4 % of the contrast, 0.3 % of the moment
    quiet = scene(GRID, [faint], texture_ppm=0.001, shows=1.0)

    alone = find_lesions(quiet, contrast_ppm=0.08)
    beside = find_lesions(
        scene(GRID, [strong, faint], texture_ppm=0.001, shows=1.0), contrast_ppm=0.08
    )

    assert len(alone.found) == 1
    assert [each.dipole.moment_ppm_mm3 > 0 for each in beside.found] == [True]
    assert beside.echoes >= 1


def test_the_reading_has_units_sigma_counts_and_regions(lesions: Lesions) -> None:
    left_half = np.zeros(GRID.shape, bool)
    left_half[..., GRID.shape[2] // 2 + 3 :] = True

    reading = reading_of_lesions(lesions, parameters={}, regions={"half": left_half})

    counts = {(v.subject, v.name): v.number for v in reading.values if v.name.endswith("count")}
    assert counts["whole mask", "bleed_count"] == 3
    assert counts["whole mask", "calcification_count"] == 2
    assert counts["half", "bleed_count"] == 1
    assert counts["half", "calcification_count"] == 1
    first = {v.name: v for v in reading.values if v.subject == "lesion 1"}
    assert first["moment"].unit == "[ppm].mm3"
    assert first["moment"].sigma is not None
    iron = [v.number for v in reading.values if v.name == "ferritin_equivalent_iron"]
    moments = [v.number for v in reading.values if v.name == "moment"]
    for ug, moment in zip(iron, moments, strict=True):
        assert np.isnan(ug) if moment < 0 else ug == pytest.approx(0.945 * moment)
    assert reading.outcome is Outcome.GIVEN
    flagged = reading_of_lesions(lesions, parameters={}, doubts=("no veins",))
    assert flagged.outcome is Outcome.FLAGGED


def test_maps_that_do_not_fit_are_refused(maps: LesionMaps) -> None:
    with pytest.raises(ReconError, match="found a map of"):
        replace(maps, chi_ppm=maps.chi_ppm[1:])
    with pytest.raises(ReconError, match="the mask is empty"):
        replace(maps, mask=np.zeros_like(maps.mask))
    with pytest.raises(ReconError, match="found 3 magnitudes, 2 echo times"):
        replace(maps, te_s=(0.005, 0.01))


EARLY_S, LATE_S = (0.003, 0.006, 0.009, 0.012, 0.015), (0.008, 0.016, 0.024, 0.032, 0.040)


@pytest.mark.parametrize(
    "ball", [Ball((0.3, 0.4, -0.2), 1.0, 1.1), Ball((-0.4, 0.2, 0.5), 2.0, -1.2)], ids=str
)
def test_the_moment_is_the_same_by_early_and_by_late_echoes(ball: Ball) -> None:
    """At 40 ms the field turns a voxel beside the larger ball by more than a whole turn."""
    grid = oblique((35, 37, 35), (1.3, 0.9, 1.0))

    early, late = (
        find_lesions(scene(grid, [ball], texture_ppm=0.004, te_s=te_s)).found[0].dipole
        for te_s in (EARLY_S, LATE_S)
    )

    assert early.moment_ppm_mm3 == pytest.approx(ball.moment, rel=0.08)
    assert late.moment_ppm_mm3 == pytest.approx(early.moment_ppm_mm3, rel=0.1)


def test_the_level_of_the_tissue_has_no_part_in_the_lesion() -> None:
    """A lesion that fills a fifth of the box of its surroundings keeps its moment all the same."""
    ball = Ball((0.3, 0.4, -0.2), 3.5, 0.5)

    found = find_lesions(scene(oblique((39, 41, 39), (1.0, 1.0, 1.0)), [ball], shows=1.0)).found[0]

    assert found.dipole.moment_ppm_mm3 == pytest.approx(ball.moment, rel=0.05)


@pytest.mark.parametrize(
    ("per_s", "known", "early"),
    [(33.0, True, 1), (45.0, True, 0), (45.0, False, 1)],
)
def test_voids_are_looked_for_before_the_veins_of_the_scan_are_dark(
    maps: LesionMaps, per_s: float, *, known: bool, early: int
) -> None:
    """At 16 ms and 1.5 T; tissue decays with 20 1/s, coils are brighter on one side."""
    te_s = (0.008, 0.016, 0.024)
    veins = np.zeros(GRID.shape, bool)
    veins[:, 20:24, 24:27] = True
    rate = np.where(veins, per_s, 20.0)
    shading = np.linspace(0.2, 1.0, GRID.shape[2])
    magnitude = np.stack([shading * np.exp(-te * rate) for te in te_s]).astype(np.float32)
    scan = replace(maps, magnitude=magnitude, te_s=te_s, b0_t=1.5, veins=veins if known else None)

    # exp(-(45 - 20) 0.016) = 0.67, exp(-(33 - 20) 0.016) = 0.81; a vein has to keep 0.7
    assert echoes_of_voids(scan) == (early, 2)


def test_the_hole_of_a_void_is_no_edge_of_the_mask(maps: LesionMaps) -> None:
    middle = tuple(n // 2 for n in GRID.shape)
    holed = maps.mask.copy()
    holed[middle] = False

    depth = depth_of(replace(maps, mask=holed))

    assert depth[middle] == depth_of(maps)[middle] > 20.0


def test_a_dark_corner_makes_no_lesion_of_a_bright_place(maps: LesionMaps) -> None:
    bright = np.ones_like(maps.magnitude)
    middle = np.array(GRID.shape) // 2 + np.rint(np.divide(BALLS[1].centre_mm, GRID.voxel_mm))
    z, y, x = middle.astype(int)
    dark = bright.copy()
    dark[:, z, y, x] = 0.1

    found = nearest(find_lesions(replace(maps, magnitude=dark)), BALLS[1])

    assert 0 < found.features.dark_part < 0.1
    assert found.kind is LesionClass.INDETERMINATE


def test_the_ring_that_a_source_leaves_beside_itself_is_no_lesion_of_its_own() -> None:
    """Of two sources 2.8 mm apart the stronger is told, with a flag."""
    balls = [Ball((0.1, 0.2, -1.0), 1.0, 1.2), Ball((0.1, 0.2, 1.8), 1.0, -1.0)]

    lesions = find_lesions(scene(oblique((35, 37, 35), (1.2, 0.9, 1.0)), balls, texture_ppm=0.002))

    (found,) = lesions.found
    assert lesions.echoes == 1
    assert found.kind is LesionClass.BLEED
    assert "its field is not quite that of one small source" in found.flags


def test_a_field_that_is_not_quite_that_of_one_source_needs_twice_the_moment() -> None:
    ball = Ball((0.3, 0.4, -0.2), 1.0, 0.6)
    clean = scene(oblique((35, 37, 35), (1.2, 0.9, 1.0)), [ball])
    noise = np.random.default_rng(3).normal(0, 1, clean.mask.shape).astype(np.float32)

    kinds = {}
    for untold_ppm in (0.0, 0.006):
        field = clean.local_field_ppm + np.float32(untold_ppm) * noise
        (found,) = find_lesions(replace(clean, local_field_ppm=field)).found
        assert found.dipole.moment_ppm_mm3 > 3 * found.dipole.sigma_ppm_mm3
        kinds[untold_ppm] = found.kind

    assert kinds == {0.0: LesionClass.BLEED, 0.006: LesionClass.INDETERMINATE}


@pytest.mark.parametrize("radius_mm", [0.7, 1.0])
def test_the_missing_signal_of_a_small_ball_does_not_follow_how_voxels_cut_it(
    radius_mm: float,
) -> None:
    """The source is too weak to dephase what is around it."""
    grid = oblique((19, 21, 23), (1.2, 0.9, 1.0))
    # It has 0.6 of the signal at TE = 0, and a fifth of that of tissue at 10 ms.
    expected = 4 / 3 * np.pi * radius_mm**3 * (1 - 0.6 * np.exp(-(170 - 20) * 0.010))

    for centre_mm in ((0.0, 0.0, 0.0), (0.6, 0.45, 0.5)):  # of a voxel, and the corner of eight
        maps = scene(grid, [Ball(centre_mm, radius_mm, 0.01)])
        centre = np.divide(centre_mm, grid.voxel_mm) + np.array(grid.shape) // 2
        found_mm3, sd_mm3 = missing_mm3(centre, maps, maps.magnitude[1])

        # The ball of the scene is cut into points 0.5 mm apart, which misses some of its volume.
        assert found_mm3 == pytest.approx(expected, rel=0.2)
        assert sd_mm3 < 0.1 * expected


def test_where_too_little_is_known_around_it_no_missing_signal_is_told(maps: LesionMaps) -> None:
    missing, sd = missing_mm3(np.zeros(3), maps, maps.magnitude[0])

    assert np.isnan(missing)
    assert np.isnan(sd)


def test_a_pale_spot_without_a_void_tells_calcium_but_not_blood(maps: LesionMaps) -> None:
    """What is dark enough for no void is dark as a vein is; but no vein has a negative moment."""
    magnitude = np.ones_like(maps.magnitude)
    for ball in BALLS[2:4]:
        index = np.rint(np.divide(ball.centre_mm, GRID.voxel_mm)) + np.array(GRID.shape) // 2
        z, y, x = index.astype(int)
        magnitude[:, z, y, x] = 0.65

    lesions = find_lesions(replace(maps, magnitude=magnitude))

    calcium, blood = (nearest(lesions, ball) for ball in BALLS[2:4])
    assert calcium.features.early_void_mm3 == blood.features.early_void_mm3 == 0
    assert calcium.kind is LesionClass.CALCIFICATION
    assert blood.kind is LesionClass.VESSEL


def test_a_large_place_is_not_measured_as_a_small_ball(lesions: Lesions) -> None:
    large, small = (nearest(lesions, ball).features for ball in (BALLS[0], BALLS[4]))

    assert np.isnan(large.early_missing_mm3)
    assert small.early_missing_mm3 > 3 * small.early_missing_sd_mm3
