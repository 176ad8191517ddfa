"""Rims of lesions whose χ is painted: whole, half, none, raised all through; and their masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamrecon.analysis.lesion.lesion_split import split_lesions
from streamrecon.analysis.lesion.rim_rays import fibonacci_directions
from streamrecon.analysis.lesion.rim_reading import central_vein
from streamrecon.analysis.lesion.rims import Rim, RimClass, measure_rim, signed_depth
from streamrecon.errors import ReconError

SHAPE, VOXEL_MM = (33, 41, 37), (1.2, 0.9, 1.0)
TISSUE, CORE = -0.020, -0.005
NONE = np.zeros(SHAPE, bool)


def places() -> np.ndarray:
    """Position (z, y, x) from the centre [3, Z, Y, X, mm]."""
    axes = [(np.arange(n) - n // 2) * mm for n, mm in zip(SHAPE, VOXEL_MM, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def radius(
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
    semi: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> np.ndarray:
    """Distance from a centre, in units of the semi-axes."""
    ends = np.reshape(centre, (3, 1, 1, 1)), np.reshape(semi, (3, 1, 1, 1))
    return np.asarray(np.sqrt((((places() - ends[0]) / ends[1]) ** 2).sum(axis=0)))


def painted(kind: str, size_mm: float = 5.5, *, seed: int = 0, sd: float = 0.004) -> np.ndarray:
    """χ of a lesion [ppm] in noise; a rim is 1.5 mm thick and 45 ppb above the core."""
    away = radius()
    chi = np.where(away <= size_mm, CORE, TISSUE)
    rim = (away <= size_mm) & (away > size_mm - 1.5)
    if kind == "half":
        rim &= places()[2] > 0
    if kind in {"rim", "half"}:
        chi[rim] = 0.040
    if kind == "hyper":
        chi[away <= size_mm] = 0.040
    return chi + np.random.default_rng(seed).normal(0, sd, SHAPE)


def measured(kind: str, **more: Any) -> Rim:
    mask = radius() <= more.pop("mask_mm", 5.5)
    noise = more.pop("noise_ppm", 0.004)
    return measure_rim(painted(kind, **more), mask, NONE, VOXEL_MM, noise_ppm=noise)


@pytest.mark.parametrize(
    ("kind", "classes"),
    [
        ("rim", {RimClass.RIM}),
        ("iso", {RimClass.NONE}),
        ("hyper", {RimClass.NONE}),
        ("half", {RimClass.NONE, RimClass.UNCERTAIN}),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_only_a_whole_border_above_core_and_surroundings_is_a_rim(
    kind: str, classes: set[RimClass], seed: int
) -> None:
    assert measured(kind, seed=seed).kind in classes


def test_contrast_coverage_and_thickness_of_a_rim_are_those_that_were_painted() -> None:
    rim = measured("rim", sd=0.001)

    assert rim.coverage == pytest.approx(1.0, abs=0.05)
    # voxels of a millimetre and lines between them lower the peak of 1.5 mm a little
    assert rim.against_core_ppm == pytest.approx(0.045, abs=0.012)
    assert rim.against_outside_ppm == pytest.approx(0.060, abs=0.014)
    assert rim.thickness_mm == pytest.approx(1.5, abs=0.8)
    assert rim.core_ppm == pytest.approx(CORE, abs=0.001)
    assert rim.middle == (16.0, 20.0, 18.0)
    assert measured("half", sd=0.001).coverage == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("mask_mm", [4.5, 6.5])
def test_a_mask_that_is_off_by_a_millimetre_finds_the_rim_all_the_same(mask_mm: float) -> None:
    rim = measured("rim", mask_mm=mask_mm)

    assert rim.kind is RimClass.RIM
    assert rim.moved_mm == pytest.approx(5.5 - mask_mm, abs=0.8)


def test_rims_score_above_all_that_is_none() -> None:
    score = {
        kind: [measured(kind, seed=s).score for s in range(4)]
        for kind in ("rim", "iso", "hyper", "half")
    }

    assert min(score["rim"]) > max(max(score[kind]) for kind in ("iso", "hyper", "half"))
    assert min(score["rim"]) > 0.5


def test_noise_raises_what_a_ray_has_to_exceed() -> None:
    assert measured("rim", noise_ppm=0.030).kind is not RimClass.RIM


def test_rays_that_meet_a_vein_do_not_count() -> None:
    chi = painted("iso", sd=0.001)
    vein = np.hypot(places()[0], places()[1] - 4.5) < 1.6
    chi[vein] = 0.3

    with_it = measure_rim(chi, radius() <= 5.5, NONE, VOXEL_MM)
    without = measure_rim(chi, radius() <= 5.5, vein, VOXEL_MM)

    assert with_it.coverage > 0.05
    assert without.coverage < 0.03


def test_a_lesion_without_surroundings_is_refused() -> None:
    with pytest.raises(ReconError, match="surroundings: found 0 voxels"):
        measure_rim(painted("rim"), radius() <= 5.5, radius() > 5.5, VOXEL_MM)


def test_depth_is_zero_at_the_surface_and_grows_inwards() -> None:
    depth = signed_depth(radius() <= 6.0, VOXEL_MM)

    true = 6.0 - radius()
    near = np.abs(true) < 4
    assert np.abs(depth - true)[near].max() < 1.2  # a voxel
    assert abs(np.mean((depth - true)[near])) < 0.2


def test_confluent_lesions_come_apart_and_single_ones_stay() -> None:
    two = (radius((0, -5, 0)) <= 6) | (radius((0, 5, 0)) <= 5)
    long = radius(semi=(4.0, 7.5, 4.5)) <= 1
    speck = radius((0, 14, 12)) <= 1.5

    lesions = split_lesions(two | speck, VOXEL_MM)

    assert (lesions.count, lesions.too_small) == (2, 1)
    assert lesions.confluent == {1, 2}
    first, second = (np.argwhere(lesions.numbers == n).mean(axis=0)[1] for n in (1, 2))
    assert (first - 20) * 0.9 == pytest.approx(-5, abs=1)
    assert (second - 20) * 0.9 == pytest.approx(5, abs=1)
    assert split_lesions(long, VOXEL_MM).count == 1
    assert split_lesions(NONE, VOXEL_MM).count == 0


def test_a_vein_through_the_middle_is_central_and_one_at_the_border_is_not() -> None:
    lesion = radius() <= 5.5
    through = np.hypot(places()[0], places()[1] - 0.5) < 1.3
    beside = np.hypot(places()[0], places()[1] - 5.0) < 1.3

    assert central_vein(lesion, through, VOXEL_MM)
    assert not central_vein(lesion, beside, VOXEL_MM)
    assert not central_vein(lesion, through & (radius() < 3), VOXEL_MM)  # it does not leave


def test_directions_are_unit_vectors_without_a_side() -> None:
    directions = fibonacci_directions(92)

    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    assert np.allclose(directions.T @ directions / 92, np.eye(3) / 3, atol=0.01)
